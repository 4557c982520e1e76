-- The newest digest is what the chains still say: history was not written anew, chains and all.
SELECT 'digest of ' || d.day AS subject, encode(now.digest, 'hex') AS expected, encode(d.digest, 'hex') AS found
FROM (SELECT * FROM credits_digest ORDER BY day DESC LIMIT 1) d
LEFT JOIN LATERAL (SELECT b.digest FROM credits_digest b WHERE b.day < d.day ORDER BY b.day DESC LIMIT 1) before ON true
CROSS JOIN LATERAL credits_digest_of(d.last_posting_id, coalesce(before.digest, credits_genesis())) now
WHERE d.digest <> now.digest
