//! Parameters, and requests to judge by them.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by several test programs")]

use std::num::NonZeroUsize;

use artifact_format::model::{
    ApiId, Location, Method, Operation, Parameter, ParameterEncoding, PolicyId, Schema, SchemaId, Schemas, Security,
    Style, UnknownQuery,
};
use contract::parameter::{Head, Others, Parameters, Scratch};
use contract::schema::{Patterns, Validators};
use contract::shape::Shapes;
use contract::{Detail, Report};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// The parameters of an operation, with the texts of their schemas.
#[derive(Default)]
pub(crate) struct Contract {
    parameters: Vec<Parameter>,
    schemas: Schemas,
}

impl Contract {
    /// A parameter by style.
    pub(crate) fn styled(
        self,
        (name, location): (&str, Location),
        (style, explode): (Style, bool),
        schema: &Value,
    ) -> Self {
        self.add((name, location), schema, |schema| ParameterEncoding::Style {
            style,
            explode,
            allow_reserved: false,
            schema: Some(schema),
        })
    }

    /// A parameter by media type.
    pub(crate) fn content(self, (name, location): (&str, Location), media_type: &str, schema: &Value) -> Self {
        let media_type = media_type.to_owned();
        self.add((name, location), schema, |schema| ParameterEncoding::Content { media_type, schema: Some(schema) })
    }

    fn add(
        mut self,
        (name, location): (&str, Location),
        schema: &Value,
        encoding: impl FnOnce(SchemaId) -> ParameterEncoding,
    ) -> Self {
        let id = SchemaId(u32::try_from(self.schemas.schemas.len()).unwrap());
        self.schemas.schemas.push(Schema { json: schema.to_string(), references: Vec::new() });
        let (name, encoding) = (name.to_owned(), encoding(id));
        self.parameters.push(Parameter { name, location, required: false, allow_empty: false, encoding });
        self
    }

    /// Makes the parameter that was added last required.
    pub(crate) fn required(mut self) -> Self {
        self.parameters.last_mut().unwrap().required = true;
        self
    }

    /// Lets the parameter that was added last be empty.
    pub(crate) fn allow_empty(mut self) -> Self {
        self.parameters.last_mut().unwrap().allow_empty = true;
        self
    }

    pub(crate) fn build(self) -> Judge {
        self.build_with(Others { unknown: UnknownQuery::Pass, credentials: &[] })
    }

    pub(crate) fn build_with(self, others: Others<'_>) -> Judge {
        let variables = self.parameters.iter().filter(|parameter| parameter.location == Location::Path);
        let path = variables.fold(String::new(), |path, variable| path + "/{" + &variable.name + "}");
        let operation = Operation {
            id: "test".into(),
            api: ApiId(0),
            method: Method::Get,
            path: format!("{path}/end").parse().unwrap(),
            routes: Vec::new(),
            listeners: Vec::new(),
            parameters: self.parameters,
            request_body: None,
            responses: Vec::new(),
            security: Security::default(),
            upstream: None,
            policy: PolicyId(0),
            tags: Vec::new(),
            summary: None,
            deprecated: false,
            pointer: String::new(),
        };
        let roots: Vec<SchemaId> = Parameters::schemas(&operation).collect();
        let validators = Validators::build(&self.schemas, &roots, (Patterns::Linear, NonZeroUsize::MIN)).unwrap();
        let parameters = Parameters::new(&operation, others, &mut Shapes::new(&self.schemas), &validators).unwrap();
        Judge { parameters }
    }
}

pub(crate) struct Judge {
    parameters: Parameters,
}

/// A request's head, as far as a test says it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Request {
    pub(crate) path: Vec<String>,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
}

impl Request {
    pub(crate) fn path(text: &str) -> Self {
        Self { path: vec![text.to_owned()], ..Self::default() }
    }

    pub(crate) fn query(text: &str) -> Self {
        Self { query: Some(text.to_owned()), ..Self::default() }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    pub(crate) fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(value).unwrap());
        self
    }

    /// A request that carries `text` where a parameter of the location stands.
    pub(crate) fn at(location: Location, name: &str, text: &str) -> Self {
        match location {
            Location::Path => Self::path(text),
            Location::Query | Location::Querystring => Self::query(text),
            Location::Header => Self::default().header(name, text),
            Location::Cookie => Self::default().header("cookie", text),
        }
    }
}

impl Judge {
    /// What is wrong, each as `in name pointer: keyword`.
    pub(crate) fn judge(&self, request: &Request) -> Vec<String> {
        let mut report = Report::new(Detail::Brief);
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let head = Head { path: &path, query: request.query.as_deref(), headers: &request.headers };
        self.parameters.judge(&head, &mut Scratch::default(), &mut report);
        let said = |violation: &contract::Violation| format!("{}: {}", violation.place, violation.keyword);
        report.violations().iter().map(said).collect()
    }
}

impl Judge {
    /// What is missing and has a default, each as `in: text`.
    pub(crate) fn defaults(&self, request: &Request) -> Vec<String> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let head = Head { path: &path, query: request.query.as_deref(), headers: &request.headers };
        let missing = self.parameters.missing_defaults(&head, &mut Scratch::default());
        missing.iter().map(|missing| format!("{}: {}", missing.part.as_str(), missing.text)).collect()
    }
}
