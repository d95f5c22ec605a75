use super::*;

const ROUTES: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/a/b/c"),
    ("GET", "/{x}/b"),
    ("GET", "/u/me"),
    ("GET", "/u/{id}"),
    ("DELETE", "/u/{name}"),
    ("GET", "/u/{id}/"),
    ("GET", "/f/{name}.{ext}"),
    ("GET", "/f/{name}"),
    ("GET", "/f/readme.md"),
    ("GET", "/compare/{base}...{head}"),
    ("POST", "/compare/{id}"),
    ("GET", "/plus/a+b"),
    ("GET", "/slash/a%2Fb"),
];

fn check(method: &str, raw: &str, expected: &str) {
    let mut router = Router::default();
    for (method, template) in ROUTES {
        router.insert(&template.parse().unwrap(), method.parse().unwrap(), *template).unwrap();
    }
    let path = RequestPath::parse(raw).unwrap();
    let found = match router.find(&method.parse().unwrap(), raw, &path) {
        Found::Endpoint(template, captures) => {
            let value = |capture: &Capture| {
                &path.normalised(raw, capture.segment as usize)[capture.start as usize..capture.end as usize]
            };
            let values = captures.iter().map(value).collect::<Vec<_>>();
            format!("{template} {}", values.join(","))
        }
        Found::WrongMethod(methods) => {
            format!("405 {}", methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(","))
        }
        Found::Nothing => "404".to_owned(),
    };
    assert_eq!(found.trim_end(), expected, "{method} {raw}");
}

#[test]
fn literals_beat_patterns_beat_variables() {
    check("GET", "/", "/");
    check("GET", "/u/me", "/u/me");
    check("GET", "/u/7", "/u/{id} 7");
    check("GET", "/f/readme.md", "/f/readme.md");
    check("GET", "/f/a.tar.gz", "/f/{name}.{ext} a,tar.gz");
    check("GET", "/f/plain", "/f/{name} plain");
    check("GET", "/compare/main...topic", "/compare/{base}...{head} main,topic");
}

#[test]
fn backtracks_out_of_a_dead_end() {
    check("GET", "/a/b", "/{x}/b a");
    check("GET", "/a/b/c", "/a/b/c");
    check("GET", "/a/b/d", "404");
}

#[test]
fn another_template_may_know_the_method() {
    check("DELETE", "/u/me", "/u/{name} me");
    check("POST", "/compare/a...b", "/compare/{id} a...b");
    check("PUT", "/u/me", "405 DELETE,GET");
    check("PUT", "/f/a.b", "405 GET");
}

#[test]
fn slashes_are_significant() {
    check("GET", "/u/7/", "/u/{id}/ 7");
    check("GET", "/u/", "404");
    check("GET", "/u//", "404");
    check("GET", "//u/7", "404");
    check("GET", "/a/b/c/", "404");
}

#[test]
fn escapes_are_data() {
    check("GET", "/u/m%65", "/u/me");
    check("GET", "/u/a%2Fb", "/u/{id} a%2Fb");
    check("GET", "/slash/a%2fb", "/slash/a%2Fb");
    check("GET", "/slash/a/b", "404");
    check("GET", "/plus/a+b", "/plus/a+b");
    check("GET", "/plus/a%20b", "404");
    check("GET", "/f/a%2Etxt", "/f/{name}.{ext} a,txt");
}

#[test]
fn one_shape_and_method_is_routed_once() {
    let mut router = Router::default();
    router.insert(&"/{a}/{b}.x".parse().unwrap(), Method::GET, 1).unwrap();
    router.insert(&"/{c}/{d}.x".parse().unwrap(), Method::PUT, 2).unwrap();
    let template: PathTemplate = "/{e}/{f}.x".parse().unwrap();
    assert_eq!(router.insert(&template, Method::GET, 3), Err(Conflict { method: Method::GET, template }));
}

proptest::proptest! {
    /// Whatever is asked, the router agrees with trying every template by hand.
    #[test]
    fn agrees_with_trying_every_template(raw in r"(/(a|b|c|me|u|f|x\.y|compare|m%65|p\.\.\.q)){1,4}/?") {
        let path = RequestPath::parse(&raw).unwrap();
        let mut router = Router::default();
        for (method, template) in ROUTES {
            router.insert(&template.parse().unwrap(), method.parse().unwrap(), *template).unwrap();
        }
        let by_hand = ROUTES.iter().any(|(method, template)| {
            let template: PathTemplate = template.parse().unwrap();
            *method == "GET" && template.segments.len() == path.count() && template.segments.iter().enumerate().all(
                |(index, segment)| match segment.parts.as_slice() {
                    [] => path.decoded(&raw, index).is_empty(),
                    [Part::Literal(text)] => text == path.decoded(&raw, index),
                    [Part::Variable(_)] => !path.decoded(&raw, index).is_empty(),
                    _ => Pattern::new(segment).matches(path.normalised(&raw, index), 0, &mut Captures::new()),
                },
            )
        });
        let found = matches!(router.find(&Method::GET, &raw, &path), Found::Endpoint(..));
        proptest::prop_assert_eq!(found, by_hand);
    }
}
