-- A clawback claims what its transfer's credits became, no credit of a transfer twice, and its rows are what was posted for them.
WITH claimed AS (
  SELECT c.*, t.coins / t.paid AS share, t.paid AS transferred
  FROM credits_clawback c CROSS JOIN LATERAL (
    SELECT -sum(m.amount) FILTER (WHERE m.user_id = c.payer_id AND m.account IN ('paid', 'held_paid')) AS paid,
           sum(m.amount) FILTER (WHERE m.user_id = c.recipient_id AND m.account = 'coins_pending') AS coins
    FROM credits_moved() m WHERE m.transaction_id = c.transfer_id
  ) t
), moves AS (
  SELECT reference, recipient_id, taken_by_id AS transaction_id, -1 AS sign FROM credits_clawback
  UNION SELECT reference, recipient_id, collected_by_id, -1 FROM credits_clawback WHERE collected_by_id IS NOT NULL
  UNION SELECT reference, recipient_id, restored_by_id, 1 FROM credits_clawback WHERE restored_by_id IS NOT NULL
), posted AS (
  SELECT m.reference, m.recipient_id, m.sign,
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'coins_pending'), 0) * m.sign AS pending,
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'coins'), 0) * m.sign AS coins
  FROM moves m LEFT JOIN credits_posting p ON p.transaction_id = m.transaction_id AND p.user_id = m.recipient_id
  GROUP BY m.reference, m.recipient_id, m.sign
), lost AS (
  SELECT m.reference, m.sign, coalesce(sum(p.amount), 0) * m.sign AS amount
  FROM (SELECT DISTINCT reference, transaction_id, sign FROM moves) m
  LEFT JOIN credits_posting p ON p.transaction_id = m.transaction_id AND p.account = 'losses' AND p.unit = 'coins'
  GROUP BY m.reference, m.sign
), told AS (
  SELECT reference, recipient_id, sum(pending) AS pending, sum(coins) AS coins FROM credits_clawback GROUP BY reference, recipient_id
)
SELECT 'clawback ' || c.id AS subject, coalesce(c.credits * c.share, 0)::text AS expected, (c.pending + c.coins + c.blocked + c.lost)::text AS found
FROM claimed c WHERE c.pending + c.coins + c.blocked + c.lost IS DISTINCT FROM c.credits * c.share
UNION ALL
SELECT 'clawback ' || c.id || ' restored by', coalesce(t.id::text, 'nothing'), coalesce(c.restored_by_id::text, 'nothing')
FROM credits_clawback c LEFT JOIN credits_transaction t ON t.reverses_id = c.taken_by_id
WHERE c.restored_by_id IS DISTINCT FROM t.id
UNION ALL
SELECT 'clawbacks of transfer ' || c.transfer_id, 'at most ' || max(c.transferred), sum(c.credits)::text
FROM claimed c WHERE c.restored_by_id IS NULL GROUP BY c.transfer_id HAVING sum(c.credits) > max(c.transferred)
UNION ALL
SELECT 'clawback ' || t.reference || ' of wallet ' || t.recipient_id || CASE p.sign WHEN 1 THEN ' restored' ELSE '' END,
       p.pending || ' pending + ' || p.coins, t.pending || ' pending + ' || t.coins
FROM told t JOIN posted p USING (reference, recipient_id) WHERE (t.pending, t.coins) <> (p.pending, p.coins)
UNION ALL
SELECT 'clawback ' || l.reference || ' lost' || CASE l.sign WHEN 1 THEN ' and restored' ELSE '' END, l.amount::text, t.lost::text
FROM lost l JOIN (SELECT reference, sum(lost) AS lost FROM credits_clawback GROUP BY reference) t USING (reference)
WHERE t.lost <> l.amount
