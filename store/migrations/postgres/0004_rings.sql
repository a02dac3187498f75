-- The first ring of a server is `default`; before there were several, its name was `local`.
UPDATE issuers SET ring = 'default' WHERE ring = 'local';
UPDATE certificates SET ring = 'default' WHERE ring = 'local';
UPDATE journal_positions SET ring = 'default' WHERE ring = 'local';

-- The ring of the responder's key: the issuer's own if it is null.
ALTER TABLE issuers ADD COLUMN responder_ring TEXT;
