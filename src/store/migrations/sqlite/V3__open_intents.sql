-- What operators must see without reading every payment: since when a payment has had a call to a provider whose outcome
-- is not settled, and which payments are of unknown outcome. Both indexes hold only the payments that they are about.

ALTER TABLE payment ADD COLUMN intent_since INTEGER;
CREATE INDEX payment_intent ON payment (intent_since) WHERE intent_since IS NOT NULL;
CREATE INDEX payment_unknown ON payment (tenant) WHERE state = 'outcome_unknown';

-- A program that does not know the column would leave it as it was, so older ones are refused.
UPDATE schema_info SET schema = 3, oldest_served = 3 WHERE only_row = 1;
