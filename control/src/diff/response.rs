//! Responses and their headers, before and after.

use artifact_format::model::{Header, Response, StatusPattern};

use super::schema::Direction;
use super::{Comparison, Kind, Severity, What};

impl Comparison<'_> {
    pub(super) fn responses(&mut self, old: &[Response], new: &[Response]) {
        for response in new {
            let name = name(response.status);
            let Some(earlier) = old.iter().find(|earlier| earlier.status == response.status) else {
                self.changes.push(Kind::Response, Severity::Compatible, format!("{name} added"));
                continue;
            };
            let what = What { name: &name, kind: Kind::Response, direction: Direction::Response };
            self.headers(&what, &earlier.headers, &response.headers);
            self.content(&what, &earlier.content, &response.content);
        }
        for response in old.iter().filter(|response| !new.iter().any(|later| later.status == response.status)) {
            let severity = if is_success(response.status) { Severity::Breaking } else { Severity::Compatible };
            self.changes.push(Kind::Response, severity, format!("{} removed", name(response.status)));
        }
    }

    /// Headers, of a response or of a part of a request.
    pub(super) fn headers(&mut self, what: &What<'_>, old: &[Header], new: &[Header]) {
        // What a request must bring is a demand; what a response must bring is a promise.
        let (demanded, dropped) = match what.direction {
            Direction::Request => (Severity::Breaking, Severity::Compatible),
            Direction::Response => (Severity::Compatible, Severity::Breaking),
        };
        for header in new {
            let name = format!("{}, header `{}`", what.name, header.name);
            let Some(earlier) = old.iter().find(|earlier| earlier.name == header.name) else {
                let severity = if header.required { demanded } else { Severity::Compatible };
                self.changes.push(what.kind, severity, format!("{name} added"));
                continue;
            };
            match (earlier.required, header.required) {
                (false, true) => self.changes.push(what.kind, demanded, format!("{name} is now always there")),
                (true, false) => self.changes.push(what.kind, dropped, format!("{name} may now be absent")),
                (true, true) | (false, false) => {}
            }
            if earlier.explode != header.explode {
                self.changes.push(what.kind, Severity::Breaking, format!("{name} is written in another way"));
            }
            self.schema(&What { name: &name, ..*what }, earlier.schema, header.schema);
        }
        for header in old.iter().filter(|header| !new.iter().any(|later| later.name == header.name)) {
            let severity = if header.required { dropped } else { Severity::Review };
            self.changes.push(what.kind, severity, format!("{}, header `{}` removed", what.name, header.name));
        }
    }
}

fn name(status: StatusPattern) -> String {
    match status {
        StatusPattern::Code(code) => format!("response {code}"),
        StatusPattern::Class(class) => format!("response {class}XX"),
        StatusPattern::Default => "default response".to_owned(),
    }
}

/// Whether clients wait for it: 2xx, and the default, which may stand for it.
fn is_success(status: StatusPattern) -> bool {
    match status {
        StatusPattern::Code(code) => (200..300).contains(&code),
        StatusPattern::Class(class) => class == 2,
        StatusPattern::Default => true,
    }
}
