import type { Connector, Context } from "./index.js";

export interface Answer {
  /** 200 unless given. */
  status?: number;
  reply?: string;
  headers?: Record<string, string>;
  /** What the request must carry, if it matters. */
  body?: string;
  /** Nothing comes back, for this reason. */
  fails?: "timeout" | "unavailable" | "denied" | "broken";
}

/** A host for one connector and configuration; call `done` at the end of a test. */
export class FakeHost {
  constructor(connector: Connector<any>, config: Record<string, unknown>, options?: { deadlineMs?: number });
  readonly sent: { method: string; url: string; headers: [string, string][]; body?: Uint8Array }[];
  readonly logs: { level: string; message: string; fields: string }[];
  /** Adds a request that is expected next. A URL that begins with `/` is under `base_url`. */
  expect(method: string, url: string, answer?: Answer): this;
  advance(milliseconds: number): void;
  /** Every expected request has come. */
  done(): void;
  context(): Context<any>;
  /** JSON text in, JSON text out. */
  call(operation: string, input: string): string;
  read(
    source: string,
    params: string,
    cursor: string | undefined,
    limit: number,
  ): { events: { id: string; kind: string; subject?: string; time?: string; data: string }[]; cursor?: string; more: boolean };
  ack(source: string, params: string, cursor: string): void;
  check(): void;
  checkExamples(): void;
}
