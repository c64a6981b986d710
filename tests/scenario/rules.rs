//! The rules, each with the scenarios that show it. A rule without a scenario fails, and a scenario without a rule.

/// What holds, in a sentence, and the files of `tests/scenarios` that show it.
pub(super) const RULES: &[(&str, &[&str])] = &[
    // How a visit is decided.
    (
        "Answered within the target is kept; equal to it is within.",
        &["answer_in_time_is_within", "equal_to_the_target_is_within"],
    ),
    (
        "A visit fails when its target expires, whatever happens later or never.",
        &["late_answer_keeps_the_failure", "silent_queue_turns_red_by_itself", "abandoned_after_the_target_is_overdue"],
    ),
    (
        "Nothing depends on arriving in order, nor on arriving once.",
        &[
            "answer_that_arrives_first_waits_for_its_offer",
            "redelivery_changes_nothing",
            "late_arrival_corrects_the_past",
        ],
    ),
    ("Hanging up below the short-abandon limit was not serious.", &["short_abandon_is_below_the_limit"]),
    ("Leaving in time is neither kept nor failed.", &["leaving_in_time_is_no_failure"]),
    // Levels.
    (
        "The formulas give what ICMI published.",
        &["icmi_formulas", "icmi_with_thirty_still_waiting", "icmi_with_ten_left"],
    ),
    ("The formulas give Cisco's figures.", &["cisco_formulas"]),
    ("No value where nothing was decided.", &["nothing_decided_is_no_level"]),
    ("Everything adds up.", &["day_of_a_queue", "all_queues_together_are_the_sum"]),
    // Slots, windows, intervals.
    (
        "A view shows whole slots that have passed.",
        &[
            "view_shows_whole_slots_that_have_passed",
            "view_may_be_behind_the_stream",
            "deadline_on_a_slot_edge_belongs_to_the_slot_it_begins",
        ],
    ),
    (
        "A window begins on the edge of a coarse slot and lets go of what lies before.",
        &["window_begins_on_the_edge_of_a_minute", "window_lets_go_of_old_failures"],
    ),
    (
        "In an interval each fact counts at its own time, a failure at its deadline.",
        &["interval_counts_each_fact_at_its_own_time", "early_fact_counts_at_its_own_time"],
    ),
    // Targets.
    ("Targets by tier, channel and queue.", &["target_of_the_tier", "target_of_the_queue_and_channel"]),
    ("The target is the one in force at the offer.", &["new_target_never_rejudges_the_past"]),
    // Identity.
    (
        "A fact known already is a duplicate; who the agent or customer was does not count.",
        &["redelivery_changes_nothing", "contact_told_by_three_systems"],
    ),
    ("Completions with different parts are different facts.", &["two_completions_with_different_parts"]),
    // One instant.
    (
        "At one instant answered beats any other end of the visit it means, an implicit transfer too.",
        &[
            "answer_beats_hanging_up_at_the_same_instant",
            "answer_and_completion_at_the_same_instant",
            "answer_that_names_its_queue_beats_the_transfer_of_that_instant",
            "answer_at_the_instant_of_an_offer_goes_to_the_new_visit",
            "answer_at_the_instant_of_an_offer_in_its_own_queue",
            "two_answers_at_one_instant",
            "answer_names_the_first_of_two_offers_at_one_instant",
        ],
    ),
    (
        "At one instant ends of earlier visits come before offers.",
        &[
            "end_at_the_instant_of_an_offer_belongs_to_the_visit_before",
            "completion_at_the_instant_of_an_offer_belongs_to_the_visit_before",
            "resolve_at_the_instant_of_an_offer_closes_the_visit_before",
        ],
    ),
    (
        "At one instant the earlier kind, then name, stands.",
        &["first_of_two_ends_at_one_instant_stands", "two_reasons_at_one_instant_are_one_leaving"],
    ),
    (
        "Offers at one instant go by queue, channel and tier.",
        &["two_offers_at_one_instant", "two_tiers_at_one_instant_are_one_offer"],
    ),
    (
        "After offers come the other facts of the instant.",
        &["everything_at_one_instant", "end_at_the_instant_of_its_offer"],
    ),
    // Offered.
    (
        "Offered where it waits, or within 5 seconds of the offer, is the same offer again.",
        &[
            "offered_again_while_waiting_is_the_same_offer",
            "offered_again_within_five_seconds_is_the_same_offer",
            "contact_told_by_three_systems",
        ],
    ),
    (
        "An offer elsewhere ends the visit that waits.",
        &["next_offer_ends_the_visit_that_waits", "back_and_forth_is_a_visit_each_time"],
    ),
    (
        "A transfer told within 5 seconds after it confirms it.",
        &["transfer_told_after_the_next_offer_confirms_it", "transfer_told_before_the_next_offer"],
    ),
    // Which visit.
    ("A queue names the visit meant.", &["queue_names_the_visit_meant", "completion_of_a_named_queue"]),
    ("A queue named and never offered is a conflict.", &["queue_never_offered_is_a_conflict"]),
    (
        "The same kind within 5 seconds is the same again, else a conflict.",
        &["repeat_within_five_seconds_is_the_same_again", "another_kind_of_end_is_a_conflict"],
    ),
    (
        "Of one visit the earliest stands.",
        &["earliest_end_stands_however_late_another_arrives", "earliest_completion_stands"],
    ),
    (
        "With nothing waiting a fact goes to the next offer within 5 seconds.",
        &[
            "early_answer_without_a_queue_goes_to_a_later_offer_only_when_near",
            "named_answer_waits_for_the_offer_of_its_queue",
        ],
    ),
    (
        "A transfer that names no queue never goes to a later offer.",
        &["transfer_without_a_queue_never_ends_a_later_visit"],
    ),
    (
        "A completion goes to the latest visit answered and not completed.",
        &["completion_goes_to_the_latest_answered", "completion_of_two_in_service_goes_to_the_latest"],
    ),
    (
        "A completion within 5 seconds of another is that one again; else it closes.",
        &["completion_again_does_not_close_the_next_visit"],
    ),
    (
        "Completed or resolved while waiting is left, closed.",
        &["completed_while_waiting_left_the_queue", "closed_is_no_leaving_to_repeat"],
    ),
    ("Messages, ratings and the like decide nothing.", &["messages_and_ratings_decide_nothing"]),
    ("Handle time is the sum of its parts, else from answer to completion.", &["handle_time_is_the_sum_of_its_parts"]),
    // What is said of contacts.
    (
        "A rating or an outcome is told of the visit offered latest before it, in the queue it names, if it names one.",
        &["rating_belongs_to_the_visit_before_it", "rating_of_a_named_queue"],
    ),
    (
        "Without a known offer it is told of an unknown lane.",
        &["rating_before_its_offer_moves_to_the_lane", "rating_of_a_forgotten_contact"],
    ),
    ("Each distinct rating counts, and counts once.", &["repeated_rating_counts_once"]),
    (
        "A scale says what scores mean, and which are none.",
        &["score_outside_of_its_scale", "net_promoter_score", "survey_that_nobody_described"],
    ),
    (
        "Outcomes are told for each answered contact, and of windows with the window before.",
        &["outcomes_for_each_answered_contact", "complaints_of_the_window_before"],
    ),
    // Before the offer.
    (
        "Within 5 seconds before the offer a fact belongs to it.",
        &["answer_shortly_before_its_offer", "end_shortly_before_its_offer"],
    ),
    (
        "Further away only if the first visit has no answer or end of its own.",
        &[
            "answer_long_before_the_offer_counts_if_there_is_no_other",
            "nearer_early_fact_beats_a_farther_one",
            "earliest_of_several_early_facts_counts",
            "transfer_nobody_reported_does_not_shut_out_an_early_answer",
            "closing_does_not_shut_out_an_early_answer",
            "early_answer_of_a_named_queue",
            "early_answer_beside_a_nearer_one",
        ],
    ),
    (
        "Completed or resolved before the offer closes nothing; the visit, once answered, takes such a completion.",
        &[
            "completion_before_the_offer_completes_what_is_answered_later",
            "completion_before_the_offer_of_a_visit_never_answered",
            "resolved_before_the_offer_closes_nothing",
            "early_completion_of_a_named_queue",
            "several_early_completions",
        ],
    ),
    // The contact's own wait.
    (
        "The contact's wait runs from its first offer to its first answer, over all transfers.",
        &[
            "overflow_at_nineteen_seconds_flatters_nobody",
            "contact_wait_ends_as_the_latest_visit_does",
            "contact_wait_ends_at_the_first_answer",
            "contact_wait_ends_at_the_first_of_two_answers",
            "contact_wait_of_a_call_that_comes_back",
        ],
    ),
    // Lives.
    (
        "A finished contact begins anew after settling.",
        &[
            "finished_contact_begins_anew_after_settling",
            "answered_and_resolved_is_finished",
            "closed_contact_is_finished",
            "life_begun_after_settling_may_be_an_orphan",
        ],
    ),
    (
        "Lives are cut from all facts in their order of time.",
        &["late_fact_in_the_gap_joins_two_lives", "late_fact_can_cut_a_life_in_two", "lives_cut_anew_still_wait"],
    ),
    (
        "A waiting contact expires.",
        &[
            "waiting_contact_expires",
            "expiry_is_exact_to_the_millisecond",
            "any_fact_keeps_a_contact_alive",
            "longest_expire_of_its_channels_holds",
            "longest_expire_holds_whichever_channel_came_first",
            "expired_contact_is_counted",
        ],
    ),
    (
        "Facts without an offer are orphans.",
        &["facts_without_an_offer_are_orphans", "orphans_are_counted_once_when_forgotten"],
    ),
    (
        "A fact older than the lateness about nobody held is late.",
        &[
            "late_fact_about_nobody_held_is_not_applied",
            "late_fact_about_a_held_contact_is_applied",
            "forgotten_contact_is_not_counted_twice",
            "forgotten_life_of_a_held_contact",
        ],
    ),
    (
        "A time far ahead is believed when eight in a row confirm it.",
        &[
            "wild_time_does_not_move_the_stream",
            "sober_record_refutes_a_doubted_one",
            "leap_of_one_hour_is_believed",
            "agents_tell_the_time_and_count_in_no_lane",
        ],
    ),
    // Conversations, pauses, business time, effort.
    (
        "A first reply is measured from the first offer to the first time an agent writes.",
        &["first_reply_in_time_is_within"],
    ),
    (
        "What is promised books its own failure when it begins, whatever the measure.",
        &["nobody_replies_and_the_letter_fails_by_itself"],
    ),
    (
        "Only the first reply is the first reply, and taking a letter is none.",
        &["only_the_first_reply_is_the_first_reply"],
    ),
    (
        "Without a reply the first resolution, or giving up, ends the wait for it.",
        &["resolved_without_a_reply_closes_the_first_reply"],
    ),
    (
        "Measures of the contact as a whole are told in the lane of its first visit.",
        &["first_reply_of_a_transferred_contact"],
    ),
    (
        "Next reply: from the oldest message that nobody has replied to, to the next reply; each is a measurement.",
        &["every_unanswered_message_waits_for_the_next_reply"],
    ),
    (
        "A message waits in the lane of the visit it came to, and fails when its target expires.",
        &["message_fails_when_nobody_writes_back"],
    ),
    ("A queue that a message names is where it waits.", &["message_names_the_queue_it_came_to"]),
    (
        "While a contact is over a message asks for nothing, unless it is reopened before a reply.",
        &["thanks_after_the_resolution_asks_for_nothing"],
    ),
    (
        "The resolution, or the end of the latest visit, closes an open message.",
        &["resolution_closes_the_open_message"],
    ),
    (
        "First resolution and (last) resolution are measures of their own; a reopening takes the last one back.",
        &["first_and_last_resolution_are_two_measures"],
    ),
    (
        "Resolved is counted at each resolution, reopened at each reopening after one.",
        &["resolved_and_reopened_are_counted"],
    ),
    ("A reopening of a forgotten contact counts on its own.", &["reopening_of_a_forgotten_contact"]),
    (
        "Contradictory histories have a defined result, and are counted as conflicts.",
        &["abandoned_after_being_resolved_contradicts_nothing"],
    ),
    (
        "A pause stops the clocks, and moves the failure that was booked.",
        &["pause_stops_the_clock_and_moves_the_failure"],
    ),
    ("A pause that begins at or after the deadline changes nothing.", &["pause_after_the_target_changes_nothing"]),
    (
        "A pause that never ends is never overdue, and expires with its contact.",
        &["pause_that_never_ends_is_never_overdue"],
    ),
    ("Pauses are the union of their intervals.", &["pauses_are_the_union_of_their_intervals"]),
    ("A pause stops the wait and the contact wait as well.", &["pause_stops_the_wait_in_a_queue"]),
    ("A pause is closed by any end, and by the next visit.", &["pause_is_closed_by_the_next_visit_and_by_any_end"]),
    ("Paused and resumed at one instant, the clock runs.", &["paused_and_resumed_at_one_instant_runs"]),
    ("A handle time without parts leaves pauses out.", &["pauses_are_not_handled"]),
    ("What is said shortly before the offer counts at the offer.", &["conversation_told_before_the_offer"]),
    (
        "In service: answered, until completed, transferred or resolved.",
        &["who_is_answered_is_in_service_until_completed"],
    ),
    ("Handling has a target of its own, and fails while it goes on.", &["handling_has_a_target_of_its_own"]),
    (
        "The backlog is who is not over: letters until they are resolved, calls until they are completed.",
        &["backlog_is_who_is_not_over"],
    ),
    (
        "Effort: how many replies a contact took, the greatest told by name.",
        &["nine_letters_are_in_the_tail_of_replies"],
    ),
    ("Effort: how many transfers a contact took, told or not.", &["transfers_of_a_contact_are_counted"]),
    (
        "The contact that waited longest for anything is told by name, still waiting or not.",
        &["five_days_of_waiting_are_told_by_name"],
    ),
    (
        "Every measure has targets of its own, by queue, channel and tier.",
        &["measures_have_targets_by_queue_channel_and_tier"],
    ),
    ("What is not promised is measured, not judged.", &["what_is_not_promised_is_measured_only"]),
    ("The contact wait may be promised another time than the wait.", &["contact_wait_has_a_target_of_its_own"]),
    ("A clock is judged by what was promised when it began.", &["promise_in_force_when_it_began"]),
    (
        "A target in business time expires when that much open time has passed, and waits are measured in it.",
        &["target_in_business_time_waits_for_the_opening"],
    ),
    (
        "Weekends, holidays and clock changes are left out, and the breach is in the window of its due instant.",
        &["weekend_holiday_and_clock_change_in_business_time"],
    ),
    ("What is due at closing time is due then.", &["due_at_closing_time_is_due_at_closing_time"]),
    ("A day has several spans, and a span may end on the next day.", &["several_spans_a_day_and_a_night_shift"]),
    ("Pauses and closing hours are left out once where they overlap.", &["pause_and_closing_time_overlap"]),
    ("A calendar changes only what is promised in business time.", &["callers_wait_on_at_closing_time"]),
    ("A callback is another visit of the same contact.", &["callback_is_another_visit"]),
    ("Of two answers of one visit the earlier stands.", &["answered_by_two_agents"]),
    // Limits.
    (
        "Queues and lanes beyond the limit are tallied as `_other`.",
        &["queues_beyond_the_limit_are_tallied_as_other", "lanes_beyond_the_limit_keep_their_queue"],
    ),
    (
        "Facts and contacts beyond the limit are dropped and counted.",
        &[
            "facts_beyond_the_limit_are_dropped",
            "what_decides_a_visit_displaces_what_does_not",
            "duplicate_at_the_limit_of_facts_is_a_duplicate",
            "parts_of_handle_time_are_one_fact",
            "contacts_beyond_the_limit_are_dropped",
        ],
    ),
    // The tail.
    (
        "Who waits longest and who waited worst is told by name.",
        &["longest_waiting_are_listed_by_name", "longest_is_since_the_visit_began", "worst_contacts_are_told_by_name"],
    ),
    // Traps seen in real systems.
    ("Trap 1: wait and handle time never mix.", &["wait_and_handle_time_never_mix"]),
    (
        "Trap 2: nothing has no quantile, and the maximum is exact.",
        &["nothing_decided_is_no_level", "longest_wait_is_exact"],
    ),
    ("Trap 3: the level is counted exactly.", &["counts_near_the_target_are_exact"]),
    ("Trap 7: the clocks of two sources differ.", &["clocks_of_two_sources_differ"]),
    (
        "Trap 8: midnight, months and clock changes.",
        &["midnight_ends_nothing", "clock_change_lengthens_no_wait", "clock_change_shortens_no_wait"],
    ),
    ("Trap 9: an end that was never sent.", &["waiting_contact_expires"]),
];
