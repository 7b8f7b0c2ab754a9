//! The shape all files of vectors have.

use crate::json::Json;

/// One file: `vectors/<name>.json`.
#[derive(Debug)]
pub(crate) struct File {
    name: &'static str,
    header: Json,
    groups: Vec<Json>,
}

impl File {
    /// A file without groups yet. `sections` are those of the spec.
    #[must_use]
    pub(crate) fn new(name: &'static str, sections: &str, description: &str) -> Self {
        let header = Json::object()
            .with("description", description)
            .with("spec", format!("burnchat-1.md, {sections}"))
            .with(
                "generated_by",
                "cargo run -p burnchat-spec-generator -- --write",
            );
        Self {
            name,
            header,
            groups: Vec::new(),
        }
    }

    /// The file with one more group.
    #[must_use]
    pub(crate) fn group(mut self, group: Group) -> Self {
        self.groups.push(group.into_json(self.name));
        self
    }

    /// Its place below `spec/`, and its text.
    #[must_use]
    pub(crate) fn finish(self) -> (String, String) {
        (
            format!("vectors/{}.json", self.name),
            self.header.with("groups", self.groups).to_text(),
        )
    }
}

/// Cases of one kind.
#[derive(Debug)]
pub(crate) struct Group {
    name: &'static str,
    comment: &'static str,
    given: Json,
    cases: Vec<Case>,
}

impl Group {
    /// A group without cases yet.
    #[must_use]
    pub(crate) fn new(name: &'static str, comment: &'static str) -> Self {
        Self {
            name,
            comment,
            given: Json::object(),
            cases: Vec::new(),
        }
    }

    /// An input that all cases have in common.
    #[must_use]
    pub(crate) fn given(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.given = self.given.with(key, value);
        self
    }

    /// The group with one more case.
    #[must_use]
    pub(crate) fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// The group with more cases.
    #[must_use]
    pub(crate) fn cases(mut self, cases: impl IntoIterator<Item = Case>) -> Self {
        self.cases.extend(cases);
        self
    }

    fn into_json(self, file: &str) -> Json {
        let mut group = Json::object()
            .with("name", self.name)
            .with("comment", self.comment);
        if self.given != Json::object() {
            group = group.with("given", self.given);
        }
        let cases: Vec<_> = self
            .cases
            .into_iter()
            .map(|case| case.into_json(file, self.name))
            .collect();
        group.with("cases", cases)
    }
}

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    id: String,
    comment: String,
    reason: Option<String>,
    members: Vec<(String, Json)>,
}

impl Case {
    /// A case that has to be accepted, with these outputs. `id` is unique within the group.
    #[must_use]
    pub(crate) fn valid(id: impl Into<String>, comment: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            comment: comment.into(),
            reason: None,
            members: Vec::new(),
        }
    }

    /// A case that has to be refused, for this reason.
    #[must_use]
    pub(crate) fn invalid(
        id: impl Into<String>,
        comment: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            reason: Some(reason.into()),
            ..Self::valid(id, comment)
        }
    }

    /// The case with one more input or output.
    #[must_use]
    pub(crate) fn put(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.members.push((key.into(), value.into()));
        self
    }

    fn into_json(self, file: &str, group: &str) -> Json {
        let Self {
            id,
            comment,
            reason,
            members,
        } = self;
        let mut all = vec![
            ("id".into(), format!("{file}/{group}/{id}").into()),
            ("comment".into(), comment.into()),
        ];
        match reason {
            None => all.push(("result".into(), "valid".into())),
            Some(reason) => {
                all.push(("result".into(), "invalid".into()));
                all.push(("reason".into(), reason.into()));
            }
        }
        all.extend(members);
        Json::Object(all)
    }
}
