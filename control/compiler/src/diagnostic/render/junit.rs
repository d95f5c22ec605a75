//! `JUnit` XML, which build servers read: every file is a test case, which its errors fail.

use super::super::{Diagnostics, Located, Severity};

pub(super) fn render(diagnostics: &Diagnostics) -> String {
    let cases: Vec<String> = diagnostics.files().map(|file| case(diagnostics, file)).collect();
    let failed = cases.iter().filter(|case| case.contains("<failure")).count();
    let counts = format!("tests=\"{}\" failures=\"{failed}\"", cases.len());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  \
         <testsuite name=\"portcullis-control\" {counts}>\n{}  </testsuite>\n</testsuites>\n",
        cases.concat()
    )
}

fn case(diagnostics: &Diagnostics, file: &str) -> String {
    let here: Vec<&Located> = diagnostics.iter().filter(|located| &*located.diagnostic.place.file == file).collect();
    let start = format!("    <testcase classname=\"openapi\" name=\"{}\"", escaped(file));
    if here.is_empty() {
        return format!("{start}/>\n");
    }
    let of = |severity| here.iter().filter(move |located| located.diagnostic.severity == severity);
    let failures = of(Severity::Error).map(|located| {
        let (message, kind) = (escaped(&located.diagnostic.message), located.diagnostic.code);
        format!("      <failure type=\"{kind}\" message=\"{message}\">{}</failure>\n", escaped(&line(located)))
    });
    let warnings: Vec<String> = of(Severity::Warning).map(|located| escaped(&line(located))).collect();
    let warnings = if warnings.is_empty() {
        String::new()
    } else {
        format!("      <system-out>{}</system-out>\n", warnings.join("\n"))
    };
    format!("{start}>\n{}{warnings}    </testcase>\n", failures.collect::<String>())
}

fn line(located: &Located) -> String {
    let diagnostic = &located.diagnostic;
    let at = located.position.map_or(String::new(), |at| format!(":{}:{}", at.line, at.column));
    let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!(" (help: {hint})"));
    let (kind, code) = (diagnostic.severity.name(), diagnostic.code);
    format!("{}{at}: {kind}[{code}]: {}{hint}", diagnostic.place.file, diagnostic.message)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            // XML 1.0 has no way to write these.
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
