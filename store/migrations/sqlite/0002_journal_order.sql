-- The inventory in the journal's order: what is compared with it walks both side by side.
CREATE INDEX certificates_journal ON certificates (journal, seq);
