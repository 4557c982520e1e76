-- A refund gives back exactly what its spend took, bucket by bucket.
WITH nets AS (
  SELECT t.id, t.kind, t.reverses_id,
         coalesce(sum(p.amount) FILTER (WHERE p.account IN ('paid', 'held_paid')), 0) AS paid,
         coalesce(sum(p.amount) FILTER (WHERE p.account IN ('bonus', 'held_bonus')), 0) AS bonus
  FROM credits_transaction t LEFT JOIN credits_moved() p ON p.transaction_id = t.id AND p.user_id = t.user_id
  WHERE t.kind = 'refund' OR t.id IN (SELECT reverses_id FROM credits_transaction WHERE reverses_id IS NOT NULL)
  GROUP BY t.id
)
SELECT 'refund ' || r.id AS subject, coalesce((-s.paid) || ' + ' || (-s.bonus), 'a spend') AS expected, r.paid || ' + ' || r.bonus AS found
FROM nets r LEFT JOIN nets s ON s.id = r.reverses_id AND s.kind = 'spend'
WHERE r.kind = 'refund' AND (r.paid, r.bonus) IS DISTINCT FROM (-s.paid, -s.bonus)
