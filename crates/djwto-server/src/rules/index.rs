//! Rules by the text before the ending of their pattern: a table of hundreds costs as little as a
//! table of three.

use std::collections::HashMap;

use super::Pattern;
use super::method::{Method, Methods};

/// A rule of a host.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) methods: Methods,
    /// An index of `Host::accesses`.
    pub(super) access: usize,
}

/// The rules of a host, in their order.
#[derive(Debug, Default)]
pub(super) struct Rules {
    all: Vec<Rule>,
    /// Positions in `all`, by stem as it is and without regard to case.
    exact: Stems,
    folded: Stems,
    is_cased: bool,
}

#[derive(Debug, Default)]
struct Stems {
    positions: HashMap<String, Vec<usize>>,
    longest: usize,
}

impl Rules {
    pub(super) fn new(all: Vec<Rule>) -> Self {
        let mut rules = Self::default();
        for (at, rule) in all.iter().enumerate() {
            rules.exact.add(rule.pattern.stem(), at);
            rules.folded.add(rule.pattern.folded_stem(), at);
            rules.is_cased |= rule.pattern.is_cased();
        }
        rules.all = all;
        rules
    }

    /// Whether case makes a difference to some pattern.
    pub(super) fn is_cased(&self) -> bool {
        self.is_cased
    }

    /// The first rule that matches, with its position.
    pub(super) fn first(&self, method: Method, path: &str) -> Option<(usize, &Rule)> {
        self.first_of(&self.exact, path, |rule| {
            rule.methods.has(method) && rule.pattern.matches(path)
        })
    }

    /// The same without regard to case.
    pub(super) fn first_folded(&self, method: Method, folded: &str) -> Option<(usize, &Rule)> {
        self.first_of(&self.folded, folded, |rule| {
            rule.methods.has(method) && rule.pattern.matches_folded(folded)
        })
    }

    fn first_of(
        &self,
        stems: &Stems,
        path: &str,
        matches: impl Fn(&Rule) -> bool,
    ) -> Option<(usize, &Rule)> {
        let rule = |at: &usize| Some((*at, self.all.get(*at)?));
        // Each list is in order, so its first match is its best.
        let best = |stem| {
            let positions = stems.positions.get(stem)?;
            positions.iter().filter_map(rule).find(|(_, rule)| matches(rule))
        };
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let near = ends.take_while(|end| *end <= stems.longest);
        near.filter_map(|end| best(path.get(..end)?)).min_by_key(|(at, _)| *at)
    }
}

impl Stems {
    fn add(&mut self, stem: &str, at: usize) {
        self.positions.entry(stem.to_owned()).or_default().push(at);
        self.longest = self.longest.max(stem.len());
    }
}
