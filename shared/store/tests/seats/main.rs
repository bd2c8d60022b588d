//! Seats: the SQL holds what the rules say, whatever happens in whatever
//! order, and costs an index look-up.

// Declared as test modules so that the lints know their helpers for test code.
#[cfg(test)]
mod changes;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod rules;
