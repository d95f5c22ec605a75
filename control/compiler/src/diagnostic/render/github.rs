//! Workflow commands of GitHub Actions, which become annotations of a change.

use super::super::{Diagnostics, Located};

pub(super) fn render(diagnostics: &Diagnostics) -> String {
    diagnostics.iter().map(one).collect()
}

fn one(located: &Located) -> String {
    let diagnostic = &located.diagnostic;
    let at = located.position.map_or(String::new(), |at| format!(",line={},col={}", at.line, at.column));
    let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!("\nhelp: {hint}"));
    format!(
        "::{} file={}{at},title={}::{}\n",
        diagnostic.severity.name(),
        property(&diagnostic.place.file),
        diagnostic.code,
        data(&format!("{}{hint}", diagnostic.message)),
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
