//! The planner's rules, from facts made in code to the plan.

mod exports;
mod hold;
mod missing;
mod ownership;
mod rules;
mod targets;
mod volumes;
mod whole;
