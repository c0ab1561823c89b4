//! What every engine of the storage port must hold, written once and asked of each; and what only an engine on disk can
//! show: that a kill, a full disk and another program's database leave nothing half done.

mod appends;
mod broken;
mod children;
mod claims;
mod engines;
mod full;
mod jobs;
mod log;
mod migrations;
mod open;
mod rows;
mod support;
mod webhooks;
mod whole;

/// The engines that every scenario is asked of. A further engine is one more line.
macro_rules! on_every_engine {
    ($($module:ident::$scenario:ident,)+) => {
        on_every_engine!(@engine sqlite_on_disk, crate::engines::sqlite_on_disk, $($module::$scenario,)+);
        on_every_engine!(@engine sqlite_in_memory, crate::engines::sqlite_in_memory, $($module::$scenario,)+);
        on_every_engine!(@engine direct, crate::engines::direct, $($module::$scenario,)+);
    };
    (@engine $engine:ident, $open:path, $($module:ident::$scenario:ident,)+) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $scenario() {
                    let engine = $open();
                    crate::$module::$scenario(engine.store()).await;
                }
            )+
        }
    };
}

on_every_engine! {
    appends::a_version_is_taken_once,
    appends::an_expectation_that_runs_ahead_is_stale,
    appends::the_same_command_finds_itself_committed,
    appends::a_conflict_anywhere_leaves_nothing_behind,
    appends::records_come_back_as_they_were_written,
    appends::streams_of_mandanten_are_apart,
    appends::every_answered_commit_is_seen,
    claims::f5_sixteen_first_requests_at_once_have_one_winner,
    claims::a_taken_key_tells_holder_digest_answer_and_lease,
    claims::keys_are_apart_by_space_and_mandant,
    claims::a_lease_is_taken_over_once,
    claims::an_answered_key_is_not_taken_over,
    claims::an_answer_ends_the_lease,
    claims::an_answer_needs_its_key,
    claims::a_released_key_can_be_taken_again,
    claims::a_fact_about_money_is_posted_once,
    claims::conflicts_in_a_group_leave_the_others_committed,
    jobs::a_job_is_taken_when_it_is_due_and_only_once,
    jobs::a_lease_that_ran_out_gives_the_job_to_the_next,
    jobs::setting_a_job_takes_it_from_its_taker,
    jobs::a_postponed_job_waits_and_counts_its_tries,
    jobs::a_fence_outlives_its_job,
    jobs::two_takers_at_once_never_get_the_same_job,
    jobs::a_lost_fence_takes_the_whole_commit_back,
    jobs::the_earliest_job_is_told,
    log::positions_chain_and_days_hold,
    log::sums_are_those_of_the_legs,
    log::the_log_is_read_in_pages,
    log::parallel_commits_leave_no_gap,
    open::an_endpoint_is_behind_by_what_it_has_not_got,
    open::what_is_open_is_counted_until_it_is_settled,
    rows::notifications_are_kept_and_closed,
    rows::clients_are_found_by_their_key,
    rows::payments_are_listed_newest_first_in_pages,
    rows::filters_narrow_the_list,
    rows::erasable_data_is_replaced_whole,
    webhooks::what_people_set_and_what_the_sender_notes_are_apart,
    webhooks::an_endpoint_that_is_not_there_is_not_written,
    webhooks::deliveries_are_listed_tried_again_and_cleared_away,
    webhooks::an_endpoint_is_kept_by_whoever_took_it,
    webhooks::the_last_position_is_that_of_the_log,
    whole::claims_are_read_in_pages,
    whole::jobs_are_read_in_pages,
    whole::everybody_who_has_data_is_named,
    whole::what_is_written_is_sealed,
}
