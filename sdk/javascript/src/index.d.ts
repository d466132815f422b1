/** Connectors for Dowel in JavaScript and TypeScript. */

/** What went wrong, as far as a retry policy has to know. */
export type ErrorKind =
  | "invalid-input"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "conflict"
  | "rate-limited"
  | "unavailable"
  | "timeout"
  | "unknown-outcome"
  | "rejected"
  | "internal";

/**
 * Why an operation failed. The message is one sentence for a person and holds neither credentials
 * nor values of the payload; those may stand in the details, which the host masks. The code is
 * stable and in kebab-case, for programs.
 */
export class ConnectorError extends Error {
  constructor(kind: ErrorKind, code: string, message: string, more?: { details?: unknown; retryAfterMs?: number });
  readonly kind: ErrorKind;
  readonly code: string;
  readonly details?: unknown;
  /** How long the upstream asked to wait. */
  readonly retryAfterMs?: number;
}

/** A JSON number that is not a safe integer, digit by digit. It goes back into JSON as it came. */
export class NumberText {
  constructor(text: string);
  readonly text: string;
}

/** An identifier: a text or an integer, as the API has it. */
export type Id = string | number | NumberText;

/** A shape of JSON: reads, writes, and gives a JSON Schema. */
export interface Shape<T> {
  readonly description?: string;
  /** Never there: carries the type. */
  readonly __type?: T;
}

/** A field that may be absent or `null`: it is `undefined` then, and is left out when written. */
export interface Optional<T> extends Shape<T | undefined> {
  readonly isOptional: true;
}

/** The type of a shape's values: `type Rate = Infer<typeof Rate>`. */
export type Infer<S> = S extends Shape<infer T> ? T : never;

type Fields = Record<string, Shape<any>>;
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends Optional<any> ? K : never }[keyof F];
type Simplify<T> = { [K in keyof T]: T[K] } & {};
type ObjectOf<F extends Fields> = Simplify<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & { [K in OptionalKeys<F>]?: Infer<F[K]> }
>;

interface Described {
  description?: string;
}

/** Shapes. There is none for floating-point numbers, because they lose digits. */
export const s: {
  string(options?: Described & { format?: string; minLength?: number; maxLength?: number }): Shape<string>;
  /** A safe integer, of 53 bits. */
  integer(options?: Described & { minimum?: number; maximum?: number }): Shape<number>;
  boolean(options?: Described): Shape<boolean>;
  /** A decimal number: reads a text or a number, and is a text, so that no digit is lost. */
  decimal(options?: Described): Shape<string>;
  /** A JSON number, digit by digit. */
  number(options?: Described): Shape<NumberText>;
  id(options?: Described): Shape<Id>;
  any(options?: Described): Shape<unknown>;
  oneOf<const C extends string>(choices: readonly C[], options?: Described): Shape<C>;
  array<T>(items: Shape<T>, options?: Described & { minItems?: number; maxItems?: number }): Shape<T[]>;
  /** An object with any keys. */
  record<T>(values: Shape<T>, options?: Described): Shape<Record<string, T>>;
  optional<T>(inner: Shape<T>, options?: Described): Optional<T>;
  /** Inputs refuse fields that are not named; answers of upstreams pass them over. */
  object<F extends Fields>(fields: F, options?: Described & { title?: string }): Shape<ObjectOf<F>>;
};

export interface RequestOptions {
  /** Parameters of the path template. */
  path?: Record<string, unknown>;
  /** Parameters of the query; those that are `undefined` or `null` are left out. */
  query?: Record<string, unknown>;
  headers?: Record<string, string>;
  /** A body in JSON, and the shape that writes it, if it is not plain JSON. */
  json?: unknown;
  shape?: Shape<any>;
  /** A body of bytes or text, with its media type. */
  body?: Uint8Array | string;
  mediaType?: string;
  /** The call's own deadline holds in any case. */
  timeoutMs?: number;
  /** What a status means here, where it is another than usual. */
  errors?: Record<number, ErrorKind>;
  /** `false` gives the response whatever its status is. */
  check?: boolean;
}

export interface Response {
  readonly status: number;
  readonly isSuccess: boolean;
  readonly body: Uint8Array;
  header(name: string): string | undefined;
  text(): string;
  json(): unknown;
  json<T>(shape: Shape<T>): T;
  retryAfterMs(): number | undefined;
  /** What the status means for a flow. */
  error(kind?: ErrorKind): ConnectorError;
}

/**
 * The way to an HTTP API. Paths that begin with `/` are appended to the field `base_url` of the
 * configuration; full URLs are taken as they are. `{name}` in a path takes one segment and encodes
 * everything else, `{+name}` takes a path with its slashes. Any status but 2xx throws.
 */
export interface Http {
  get(path: string, options?: RequestOptions): Response;
  post(path: string, options?: RequestOptions): Response;
  put(path: string, options?: RequestOptions): Response;
  patch(path: string, options?: RequestOptions): Response;
  delete(path: string, options?: RequestOptions): Response;
  request(method: string, path: string, options?: RequestOptions): Response;
}

/** What one call may use. There is no other way out of the sandbox. */
export interface Context<C> {
  /** The connection's configuration. It holds no secrets. */
  readonly config: C;
  readonly http: Http;
  readonly runId: string;
  /** The step's path in the run, such as `items[3].invoice`. */
  readonly step: string;
  /** The same for every attempt of this step; the host sends it as `Idempotency-Key`. */
  readonly idempotencyKey: string;
  /** The time left for this call. */
  remainingMs(): number;
  /** Writes to the run's log. Keep payloads and credentials out of it. */
  log(level: "trace" | "debug" | "info" | "warn" | "error", message: string, fields?: Record<string, unknown>): void;
  /** The host's wall clock, in milliseconds since 1970. */
  now(): number;
  /** Cryptographically secure, 4096 at most. (`Math.random` is not, and may be the same in every instance.) */
  randomBytes(count: number): Uint8Array;
}

export interface OperationSays<I, O> {
  /** One sentence. */
  summary: string;
  /** Whether it changes anything upstream. */
  effect: "read" | "write";
  /** What repeating it does. */
  idempotency: "natural" | "keyed" | "none";
  input: Shape<I>;
  output: Shape<O>;
  /** The operation that undoes it. */
  compensatedBy?: string;
  deprecated?: { since: string; until: string; use?: string };
  /** JSON Pointers into input and output. */
  pagination?: { cursorIn: string; cursorOut: string; items: string };
  deadlineMs?: number;
  /** Error kinds after which a step tries again by default. */
  retryKinds?: ErrorKind[];
  exampleInput?: unknown;
  exampleOutput?: unknown;
}

export interface Position {
  /** What an earlier page gave; `undefined` where the source begins. */
  readonly cursor?: string;
  /** The most events that the page may have, 1 at least. */
  readonly limit: number;
}

export interface SourceEvent<T> {
  /** The same whenever the same event is read: the host takes it once. */
  id: string;
  /** What happened, such as `rate.changed`. */
  kind: string;
  subject?: string;
  /** RFC 3339. */
  time?: string;
  data: T;
}

export interface SourcePage<T> {
  events: SourceEvent<T>[];
  /** Where they end; `undefined`: nothing is new, the cursor stays. */
  cursor?: string;
  /** Whether there is more behind the cursor now. */
  more?: boolean;
}

export interface SourceSays<C, P, E> {
  summary: string;
  params: Shape<P>;
  event: Shape<E>;
  deadlineMs?: number;
  /** The host has committed everything up to the cursor. */
  ack?: (ctx: Context<C>, params: P, cursor: string) => void;
}

/** A connector. Its name and version are the package's. */
export class Connector<C> {
  constructor(says: {
    summary: string;
    /** The shape of a connection's configuration, which holds no secrets. */
    config: Shape<C>;
    /** Where requests may go: methods (`*` for all) and a URL; `{field}` stands for a text of the configuration. */
    egress?: string[];
    /** Tests a connection without side effects. */
    check?: (ctx: Context<C>) => void;
  });
  /** Adds an operation. Its function is not async: `ctx.http` waits by itself. */
  operation<I, O>(name: string, says: OperationSays<I, O>, run: (ctx: Context<C>, input: I) => O): this;
  /** Adds a source. A read changes nothing upstream and remembers nothing. */
  source<P, E>(
    name: string,
    says: SourceSays<C, P, E>,
    run: (ctx: Context<C>, params: P, position: Position) => SourcePage<E>,
  ): this;
}
