-- A shortfall is what open take-backs are still owed; a take-back took, was repaid and was restored what postings say.
WITH owed AS (
  SELECT user_id, sum(shortfall - repaid_paid - repaid_bonus) AS amount FROM credits_takeback WHERE restored_by_id IS NULL GROUP BY user_id
), repaid AS (
  SELECT takeback_id, sum(paid) AS paid, sum(bonus) AS bonus FROM credits_repayment GROUP BY takeback_id
), came_back AS (
  SELECT r.transaction_id, b.user_id, sum(r.paid) AS paid, sum(r.bonus) AS bonus
  FROM credits_repayment r JOIN credits_takeback b ON b.id = r.takeback_id GROUP BY r.transaction_id, b.user_id
)
SELECT 'wallet ' || w.user_id || ' shortfall' AS subject, coalesce(o.amount, 0)::text AS expected, w.shortfall::text AS found
FROM credits_wallet w LEFT JOIN owed o ON o.user_id = w.user_id WHERE w.shortfall <> coalesce(o.amount, 0)
UNION ALL
SELECT 'take-back ' || b.id, m.paid || ' + ' || m.bonus, b.paid || ' + ' || b.bonus
FROM credits_takeback b CROSS JOIN LATERAL (
  SELECT coalesce(-sum(p.amount) FILTER (WHERE p.account = 'paid'), 0) AS paid,
         coalesce(-sum(p.amount) FILTER (WHERE p.account = 'bonus'), 0) AS bonus
  FROM credits_posting p WHERE p.transaction_id = b.transaction_id AND p.user_id = b.user_id
) m WHERE (b.paid, b.bonus) <> (m.paid, m.bonus)
UNION ALL
SELECT 'take-back ' || b.id || ' repaid', coalesce(r.paid, 0) || ' + ' || coalesce(r.bonus, 0), b.repaid_paid || ' + ' || b.repaid_bonus
FROM credits_takeback b LEFT JOIN repaid r ON r.takeback_id = b.id
WHERE (b.repaid_paid, b.repaid_bonus) <> (coalesce(r.paid, 0), coalesce(r.bonus, 0))
UNION ALL
SELECT 'take-back ' || b.id || ' restored by', coalesce(t.id::text, 'nothing'), coalesce(b.restored_by_id::text, 'nothing')
FROM credits_takeback b LEFT JOIN credits_transaction t ON t.reverses_id = b.transaction_id
WHERE b.restored_by_id IS DISTINCT FROM t.id
UNION ALL
SELECT 'take-back ' || b.id || ' restored', (b.paid + b.repaid_paid) || ' + ' || (b.bonus + b.repaid_bonus), m.paid || ' + ' || m.bonus
FROM credits_takeback b CROSS JOIN LATERAL (
  SELECT coalesce(sum(p.amount) FILTER (WHERE p.account = 'paid'), 0) AS paid,
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'bonus'), 0) AS bonus
  FROM credits_moved() p WHERE p.transaction_id = b.restored_by_id AND p.user_id = b.user_id
) m WHERE b.restored_by_id IS NOT NULL AND (b.paid + b.repaid_paid, b.bonus + b.repaid_bonus) <> (m.paid, m.bonus)
UNION ALL
SELECT 'repayment by transaction ' || c.transaction_id, m.paid || ' + ' || m.bonus, c.paid || ' + ' || c.bonus
FROM came_back c CROSS JOIN LATERAL (
  SELECT coalesce(-sum(p.amount) FILTER (WHERE p.account = 'paid'), 0) AS paid,
         coalesce(-sum(p.amount) FILTER (WHERE p.account = 'bonus'), 0) AS bonus
  FROM credits_posting p WHERE p.transaction_id = c.transaction_id AND p.user_id = c.user_id AND p.amount < 0
) m WHERE (c.paid, c.bonus) <> (m.paid, m.bonus)
