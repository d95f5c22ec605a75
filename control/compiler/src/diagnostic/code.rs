//! The table of diagnostic codes: each has a number, a name, a title and a page in `docs/reference/diagnostics/`.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $number:literal $name:ident $title:literal;)*) => {
        /// What kind of fault a diagnostic is about. Numbers are stable: none is ever given a second meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(
                #[doc = $title]
                $(#[$doc])*
                $name = $number,
            )*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name, in `CamelCase`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What is wrong, in a few words.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

codes! {
    // Documents and their syntax.
    1001 UnreadableFile "a file cannot be read";
    1002 Syntax "a file is neither JSON nor YAML";
    1003 DuplicateKey "a key stands twice in one mapping";
    1004 Encoding "a file is not UTF-8 text";
    1005 TooMuch "a document is larger or deeper than is read";
    1006 NotJson "YAML says something that JSON cannot";
    // References.
    1101 ReferenceNotFound "a reference leads nowhere";
    1102 ReferenceRefused "a reference leads out of the documents' folder";
    1103 ReferenceCycle "references lead to each other and to nothing else";
    1104 ReferenceMalformed "a reference is not a URI reference";
    1105 IdentityTaken "two schemas or documents have the same identity";
    // Overlays.
    1201 OverlayStructure "an overlay breaks the Overlay Specification";
    1202 OverlayTarget "an overlay's target is not a `JSONPath`";
    1203 OverlayWithoutEffect "an overlay's target matches nothing";
    1204 OverlayMismatch "an overlay's update does not fit its target";
    1205 OverlayExtends "an overlay extends a document that is not compiled";
    // The structure of an OpenAPI document.
    2001 UnsupportedVersion "not an OpenAPI 3.0, 3.1 or 3.2 document";
    2002 UnknownField "a field that the specification does not have";
    2003 MissingField "a required field is missing";
    2004 WrongType "a value of the wrong type";
    2005 InvalidValue "a value that the specification does not allow";
    2006 ExclusiveFields "fields that exclude each other";
    2007 InvalidKey "a key that the specification does not allow";
    2008 DuplicateOperationId "two operations have the same operationId";
    2009 IgnoredBesideReference "a field beside `$ref` is ignored";
    2010 ParameterClash "parameters that exclude each other";
    // Paths and routing.
    3001 PathTemplate "a path is not a path template";
    3002 RouteConflict "two operations answer the same requests";
    3003 PathParameterUnused "a path parameter does not stand in the path";
    3004 PathVariableUndeclared "a variable of the path is not declared";
    3006 PathItemConflict "a path item and its `$ref` say the same thing twice";
    3007 Method "an operation's method cannot be requested";
    3008 NoOperations "nothing would be served";
    3009 PathNeverRequested "a path that no request can have";
    // Servers and upstreams.
    4001 NoUpstream "nothing says where requests go";
    4002 ServerUrl "a server's URL cannot be served";
    4003 ServerVariable "a server's variable is undefined or contradicts itself";
    4004 TooManyBasePaths "servers give too many base paths";
    4005 UpstreamUrl "an upstream's URL cannot be used";
    4006 UpstreamUndefined "an upstream is not defined";
    4007 UpstreamConflict "an upstream is defined twice, and differently";
    4008 UpstreamPath "an upstream path needs what the path does not have";
    // Security.
    5001 SchemeUndefined "a security scheme is not defined";
    5002 SchemeUnverified "nothing says how a security scheme is verified";
    5003 VerificationMisplaced "a verification does not fit its security scheme";
    // The extension `x-portcullis`.
    6001 UnknownSetting "there is no such setting";
    6002 SettingInvalid "a setting has a value that it cannot have";
    6003 SettingMissing "a setting needs another one";
    6004 NotEnforced "no gateway enforces a setting yet";
    6005 SettingWithoutEffect "an extension stands where it has no effect";
    // Parameters, bodies and schemas.
    7001 SchemaMalformed "a schema is malformed";
    7002 DialectUnsupported "a schema's dialect is not supported";
    7003 SchemaEndless "validation would never end";
    7004 UnknownKeyword "a schema's keyword has no effect";
    7005 DiscriminatorMapping "a discriminator's mapping leads nowhere";
    7007 MediaType "a key of `content` is not a media type";
    7008 Unreadable "a part of an operation cannot be read";
    7009 NotValidatedYet "a part of the contract is not validated yet";
    7010 OldSpelling "a schema's keyword is not written as 2020-12 writes it";
    7011 PatternInvalid "a pattern is not a regular expression";
    7012 PatternNotLinear "a pattern needs backtracking";
    7013 Unenforceable "a part of the contract that no gateway can enforce";
    7014 StyleUndefined "a parameter's style does not fit its values";
    // What a document says of itself, looked at by `check`.
    8001 ExampleMismatch "an example breaks its schema";
    8002 DefaultMismatch "a default breaks its schema";
}

impl Code {
    /// The number, as in `PC1003`.
    pub const fn number(self) -> u16 {
        self as u16
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PC{:04}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_in_the_table() {
        assert!(Code::ALL.is_sorted_by(|one, next| one.number() < next.number()));
    }
}
