-- Open holds are what wallets hold; a hold's parts are what its transactions set apart; its resolution took exactly that.
WITH held AS (
  SELECT t.id AS transaction_id, t.user_id, t.key,
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'held_paid'), 0) AS paid,
         coalesce(sum(p.amount) FILTER (WHERE p.account = 'held_bonus'), 0) AS bonus,
         coalesce(sum(p.amount), 0) AS net
  FROM credits_transaction t
  LEFT JOIN credits_moved() p ON p.transaction_id = t.id AND p.user_id = t.user_id AND p.unit = 'credits'
  WHERE t.kind = 'hold' OR t.id IN (SELECT resolution_id FROM credits_hold)
  GROUP BY t.id
), raised AS (
  SELECT split_part(key, ':', 2)::bigint AS hold_id, sum(paid) AS paid, sum(bonus) AS bonus
  FROM held WHERE key ~ '^raise:[0-9]+:[0-9]+$' GROUP BY 1
), open AS (
  SELECT user_id, sum(paid) AS paid, sum(bonus) AS bonus FROM credits_hold WHERE state = 'open' GROUP BY user_id
)
SELECT 'wallet ' || w.user_id || ' held' AS subject,
       coalesce(o.paid, 0) || ' + ' || coalesce(o.bonus, 0) AS expected, w.held_paid || ' + ' || w.held_bonus AS found
FROM credits_wallet w LEFT JOIN open o ON o.user_id = w.user_id
WHERE (w.held_paid, w.held_bonus) <> (coalesce(o.paid, 0), coalesce(o.bonus, 0))
UNION ALL
SELECT 'hold ' || h.id, (b.paid + coalesce(r.paid, 0)) || ' + ' || (b.bonus + coalesce(r.bonus, 0)), h.paid || ' + ' || h.bonus
FROM credits_hold h
LEFT JOIN held b ON b.transaction_id = h.transaction_id
LEFT JOIN raised r ON r.hold_id = h.id
WHERE (h.paid, h.bonus) IS DISTINCT FROM (b.paid + coalesce(r.paid, 0), b.bonus + coalesce(r.bonus, 0))
UNION ALL
SELECT 'hold ' || h.id || ' ' || h.state, h.paid || ' + ' || h.bonus || ', charged ' || h.charged,
       (-e.paid) || ' + ' || (-e.bonus) || ', charged ' || (-e.net)
FROM credits_hold h LEFT JOIN held e ON e.transaction_id = h.resolution_id
WHERE h.state <> 'open' AND (h.paid, h.bonus, h.charged) IS DISTINCT FROM (-e.paid, -e.bonus, -e.net)
