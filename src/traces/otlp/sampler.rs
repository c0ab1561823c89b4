//! Which traces are exported: one in so many, the same ones in every process.

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanContext, SpanKind, TraceContextExt as _, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

/// The part of an id that is random whoever has made it (W3C Trace Context, level 2, "random-trace-id").
const RANDOM_BITS: u128 = (1 << 56) - 1;

/// Chooses by the id of a trace, in whole numbers; the library's own sampler takes a fraction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampler {
    one_in: u128,
}

impl Sampler {
    pub(super) fn new(one_in: u32) -> Self {
        Self { one_in: u128::from(one_in) }
    }

    /// A trace is exported with all its spans or with none: what has begun here goes on as it began. A trace that its
    /// sender keeps is kept here, too, or it would have holes; of the others every so-many-th is.
    fn keeps(self, parent: Option<&Context>, trace: TraceId) -> bool {
        let parent = parent.map(|context| context.span().span_context().clone()).filter(SpanContext::is_valid);
        match parent {
            Some(parent) if !parent.is_remote() || parent.is_sampled() => parent.is_sampled(),
            Some(_) | None => {
                let random = u128::from_be_bytes(trace.to_bytes()) & RANDOM_BITS;
                random.is_multiple_of(self.one_in)
            }
        }
    }
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _span_kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let keeps = self.keeps(parent_context, trace_id);
        let decision = if keeps { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::default() }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags};

    use super::*;

    fn parent(is_sampled: bool, is_remote: bool) -> Context {
        let flags = if is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let span = SpanContext::new(TraceId::from(7), SpanId::from(7), flags, is_remote, TraceState::default());
        Context::new().with_remote_span_context(span)
    }

    #[test]
    fn one_trace_in_so_many_is_kept_and_the_sender_may_ask_for_more() {
        let kept = |one_in, parent: Option<&Context>| {
            (1..=1_000_u128).filter(|id| Sampler::new(one_in).keeps(parent, TraceId::from(*id))).count()
        };
        assert_eq!([kept(1, None), kept(10, None), kept(1_000, None)], [1_000, 100, 1]);
        assert_eq!(kept(1_000, Some(&parent(true, true))), 1_000, "the sender keeps it");
        assert_eq!(kept(10, Some(&parent(false, true))), 100, "the sender does not");
        assert_eq!(kept(1, Some(&parent(false, false))), 0, "it began here and was not chosen");
        assert_eq!(kept(1_000, Some(&parent(true, false))), 1_000, "it began here and was chosen");
    }
}
