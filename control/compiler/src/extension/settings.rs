//! Every setting of `x-portcullis`: what it is called, what it may be, where it may stand and what it does.

use super::shape::Presence::{Optional, Required};
use super::shape::Shape::{Duration, Either, Integer, Json, List, Map, Object, Share, Size, Text, Word};
use super::shape::{Field, Shape, TextShape};

/// The word that switches an inherited setting off.
pub(crate) const OFF: &str = "off";

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

const NAME_SHAPE: TextShape = TextShape {
    what: "a name (letters, digits, `-`, `_`, `.`; at most 64)",
    pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
};
const NAME: Shape = Text(&NAME_SHAPE);
const URL: Shape =
    Text(&TextShape { what: "a URL such as `http://127.0.0.1:9000`", pattern: "^[A-Za-z][A-Za-z0-9+.-]*://[^\\s]+$" });
const WEB_URL: Shape =
    Text(&TextShape { what: "an `https` or `http` URL", pattern: "^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#]+[^\\s#]*$" });
const ORIGIN: Shape = Text(&TextShape {
    what: "an origin such as `https://app.example`, or `*`",
    pattern: "^(\\*|[a-z][a-z0-9+.-]*://[^\\s/?#@*]+)$",
});
const PATH: Shape = Text(&TextShape { what: "a path that begins with `/`", pattern: "^/[^\\s?#]*$" });
const TEXT: Shape = Text(&TextShape { what: "a string that is not empty", pattern: "^[^\\x00-\\x1f]+$" });
const HEADER: Shape = Text(&TextShape { what: "the name of a header field", pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" });
const MEDIA_TYPE: Shape = Text(&TextShape {
    what: "a media type such as `application/json`",
    pattern: "^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( *; *[A-Za-z0-9!#$&^_.+-]+=[^;\\s\\x00-\\x1f]+)*$",
});

const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, presence: Optional, about }
}

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { name, shape, presence: Required, about }
}

/// On the document.
pub(crate) static DOCUMENT: &[Field] =
    &[UPSTREAMS, UPSTREAM, BASE_PATH, LISTENERS, DOCUMENT_VALIDATION, LIMITS, RATE_LIMIT, CORS, MOCK];

/// On a path item and on an operation.
pub(crate) static OPERATION: &[Field] =
    &[UPSTREAM, UPSTREAM_PATH, BASE_PATH, LISTENERS, VALIDATION, LIMITS, RATE_LIMIT, CORS, MOCK];

/// On a security scheme.
pub(crate) static SCHEME: &[Field] = &[
    required("issuer", TEXT, "The `iss` claim that a token must have."),
    required("audience", Either(&[TEXT, List(&TEXT)]), "The `aud` claim that a token must have: one of these."),
    required("jwks", WEB_URL, "Where the issuer publishes its keys (a JSON Web Key Set)."),
];

const UPSTREAMS: Field =
    optional("upstreams", Map(&NAME_SHAPE, &Object(UPSTREAM_FIELDS)), "Groups of servers that answer alike, by name.");

const UPSTREAM: Field = optional(
    "upstream",
    Either(&[Word(&[OFF]), NAME, URL]),
    "Where requests go: the name of one of `upstreams`, or a URL. `off`: to the document's `servers`.",
);

const UPSTREAM_PATH: Field = optional(
    "path",
    Either(&[Word(&[OFF]), PATH]),
    "The path that the upstream is asked for, with the operation's own path parameters: `/v2/orders/{id}`. `off`: the path as it was received.",
);

const BASE_PATH: Field = optional(
    "base-path",
    Word(&["keep", "strip", OFF]),
    "Whether the base path of `servers` is asked of the upstream too (`keep`) or taken off (`strip`). `off`: the default, `keep`.",
);

const LISTENERS: Field = optional(
    "listeners",
    Either(&[Word(&[OFF]), List(&NAME)]),
    "The listeners that serve it, by name. `off`: the default, the one listener `default`.",
);

const VALIDATION: Field = validation(VALIDATION_FIELDS);

const DOCUMENT_VALIDATION: Field = validation(DOCUMENT_VALIDATION_FIELDS);

const fn validation(fields: &'static [Field]) -> Field {
    optional("validation", Object(fields), "How strictly the contract is read. Each part is inherited by itself.")
}

const LIMITS: Field = optional(
    "limits",
    Either(&[Word(&[OFF]), Object(LIMITS_FIELDS)]),
    "Bounds on one request. Each part is inherited by itself.",
);

const RATE_LIMIT: Field = optional(
    "rate-limit",
    Either(&[Word(&[OFF]), Object(RATE_LIMIT_FIELDS)]),
    "How many requests in how long; more are answered 429.",
);

const CORS: Field = optional(
    "cors",
    Either(&[Word(&[OFF]), Object(CORS_FIELDS)]),
    "Which web pages may call this (the Fetch standard's CORS protocol).",
);

const MOCK: Field = optional(
    "mock",
    Either(&[Word(&[OFF]), Object(MOCK_FIELDS)]),
    "An answer that the gateway gives itself, without an upstream.",
);

const UPSTREAM_FIELDS: &[Field] = &[
    required("targets", List(&Either(&[URL, Object(TARGET_FIELDS)])), "The servers: a URL, or a URL with a weight."),
    optional("balance", Word(&["round-robin", "least-request"]), "How a target is chosen. Default: `round-robin`."),
    optional("timeouts", Object(TIMEOUT_FIELDS), "How long to wait."),
    optional("health", Object(HEALTH_FIELDS), "An active health check."),
    optional("retries", Object(RETRY_FIELDS), "When to try another target."),
];

const TARGET_FIELDS: &[Field] = &[
    required("url", URL, "`http://host:port`; a path there is put before every path."),
    optional("weight", Integer(1..=1_000), "Its share of the requests, relative to the others. Default: 1."),
];

const TIMEOUT_FIELDS: &[Field] = &[
    optional("connect", Duration(1..=10 * 60_000), "To connect, name look-up included. Default: `5s`."),
    optional("request", Duration(1..=HOUR_MS), "From the request's last header to the response's. Default: `60s`."),
];

const HEALTH_FIELDS: &[Field] = &[
    required("path", PATH, "Asked with GET; any 2xx is healthy."),
    optional("every", Duration(100..=HOUR_MS), "How often. Default: `10s`."),
];

const RETRY_FIELDS: &[Field] = &[
    required("attempts", Integer(1..=10), "How many tries beyond the first."),
    required(
        "on",
        List(&Either(&[
            Word(&["connect-failure"]),
            Integer(500..=599),
            Text(&TextShape { what: "a status from \"500\" to \"599\"", pattern: "^5[0-9][0-9]$" }),
        ])),
        "After what: `connect-failure`, or a status of the upstream.",
    ),
];

const VALIDATION_FIELDS: &[Field] = &[UNKNOWN_QUERY, READ_ONLY, INVALID_STATUS, FORMATS, DEFAULTS, RESPONSES];

const DOCUMENT_VALIDATION_FIELDS: &[Field] =
    &[UNKNOWN_QUERY, READ_ONLY, INVALID_STATUS, FORMATS, DEFAULTS, RESPONSES, PATTERNS];

const UNKNOWN_QUERY: Field = optional(
    "unknown-query",
    Word(&["pass", "refuse"]),
    "Query parameters that the operation does not declare. Default: `pass`.",
);

const READ_ONLY: Field = optional(
    "read-only",
    Word(&["ignore", "refuse"]),
    "`readOnly` properties in a request. They may be absent whatever `required` says, and either be there (`ignore`) or must not be (`refuse`). Default: `ignore`.",
);

const INVALID_STATUS: Field = optional(
    "invalid-status",
    Either(&[Integer(400..=400), Integer(422..=422)]),
    "The status for a body that breaks its schema. Default: 422.",
);

const FORMATS: Field =
    optional("formats", Word(&["assert", "annotate"]), "Whether a known `format` must hold. Default: `assert`.");

const DEFAULTS: Field = optional(
    "defaults",
    Word(&["leave", "inject"]),
    "Whether the `default` of a query parameter, header field or cookie is put in where it is absent; bodies go on as they are. Default: `leave`.",
);

const RESPONSES: Field = optional(
    "responses",
    Either(&[Word(&["off", "report", "enforce"]), Object(REPORT_FIELDS)]),
    "What is done about an upstream that breaks its own contract: nothing, a metric and a log line, or 502. Default: `off`.",
);

const PATTERNS: Field = optional(
    "patterns",
    Word(&["linear", "backtracking"]),
    "Whether a `pattern` may look around and refer back (`backtracking`), which takes time that grows faster than the text and is bounded therefore. Default: `linear`.",
);

const REPORT_FIELDS: &[Field] = &[required("report", Share, "The share of the responses that is looked at.")];

const LIMITS_FIELDS: &[Field] = &[optional(
    "body",
    Either(&[Word(&[OFF]), Size(1..=1 << 40)]),
    "The largest body of a request; more is answered 413. The gateway's own limit holds beside it. `off`: only the gateway's own.",
)];

const RATE_LIMIT_FIELDS: &[Field] = &[
    required("requests", Integer(1..=1_000_000_000), "How many."),
    required("per", Duration(1_000..=DAY_MS), "In how long."),
    optional(
        "by",
        Either(&[Word(&["client-ip", "subject", "everyone"]), Object(HEADER_KEY_FIELDS)]),
        "Counted by the client's address, the verified caller, a header's value, or all together. Default: `client-ip`.",
    ),
];

const HEADER_KEY_FIELDS: &[Field] = &[required("header", HEADER, "The header field whose value counts.")];

const CORS_FIELDS: &[Field] = &[required("origins", List(&ORIGIN), "Origins that may read responses; `*` for any.")];

const MOCK_FIELDS: &[Field] = &[
    required("status", Integer(200..=599), "The status."),
    optional("content-type", MEDIA_TYPE, "The `Content-Type`. Default: `application/json` where there is a body."),
    optional("body", Json, "The body: a string as it is, anything else as JSON."),
];
