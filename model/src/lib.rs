//! Ids, entities, states as enums with transitions, audit events
