//! The colours and rules of a picture, as style sheets.
//!
//! A page with a strict Content-Security-Policy serves them with its own style sheet and
//! asks for pictures without one.

/// The colours, light and dark. A page may set the same variables itself.
pub const THEME: &str = "\
.fp{--fp-ground:#fbfcfd;--fp-card:#fff;--fp-edge:#d3d9e2;--fp-text:#1b2330;--fp-muted:#566072;\
--fp-line:#8a95a6;--fp-frame:#f1f4f8;--fp-act:#1f5fbf;--fp-people:#7a3fb0;--fp-pause:#8a5a00;\
--fp-event:#0f7075;--fp-bad:#b3261e;--fp-good:#1d7a3c;--fp-plain:#566072}
@media (prefers-color-scheme:dark){.fp{--fp-ground:#12161c;--fp-card:#1b212a;--fp-edge:#3a4453;\
--fp-text:#e9edf3;--fp-muted:#a4afbf;--fp-line:#75818f;--fp-frame:#171c24;--fp-act:#7db1f5;\
--fp-people:#c79bf0;--fp-pause:#e3b35a;--fp-event:#5cc8cd;--fp-bad:#f28b82;--fp-good:#7ccf95;\
--fp-plain:#a4afbf}}
";

/// What has which colour and font.
pub const RULES: &str = "\
.fp{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
.fp-ground{fill:var(--fp-ground)}
.fp-card{fill:var(--fp-card);stroke:var(--fp-edge)}
.fp-frame{fill:var(--fp-frame);stroke:var(--fp-edge)}
.fp-undo .fp-card,.fp-catch .fp-frame{stroke:var(--fp-bad);stroke-opacity:.55;stroke-dasharray:4 3}
.fp-title{fill:var(--fp-text);font-size:13px;font-weight:600}
.fp-detail{fill:var(--fp-muted);font-size:12px}
.fp-code{fill:var(--fp-muted);font-size:11px;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.fp-head{fill:var(--fp-text);font-size:15px;font-weight:600}
.fp-line{fill:none;stroke:var(--fp-line);stroke-width:1.5}
.fp-tip{fill:var(--fp-line)}
.fp-line.fp-failure{stroke:var(--fp-bad);stroke-dasharray:4 3}
.fp-tip.fp-failure{fill:var(--fp-bad)}
.fp-badge{fill:currentColor;fill-opacity:.12}
.fp-icon{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.fp-act{color:var(--fp-act)}.fp-people{color:var(--fp-people)}.fp-pause{color:var(--fp-pause)}
.fp-event{color:var(--fp-event)}.fp-bad{color:var(--fp-bad)}.fp-good{color:var(--fp-good)}
.fp-plain{color:var(--fp-plain)}
.fp-pill{fill:var(--fp-card);stroke:var(--fp-edge)}
.fp-chip{fill:var(--fp-card);stroke:currentColor}
.fp-count{fill:currentColor;font-size:10.5px;font-weight:600;text-anchor:middle}
.fp-middle{text-anchor:middle}
a .fp-card,a .fp-frame{cursor:pointer}
a:hover .fp-card,a:focus .fp-card{stroke:var(--fp-act)}
";
