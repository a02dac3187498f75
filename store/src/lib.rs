//! All SQL: SQLite and PostgreSQL from one text
