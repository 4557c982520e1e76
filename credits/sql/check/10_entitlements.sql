-- The free units of an entitlement's last day are its free spends of that day, less those given back.
SELECT 'entitlement ' || e.id || ' on ' || e.used_day AS subject, used.units AS expected, e.used_units AS found
FROM credits_entitlement e
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE t.reverses_id IS NULL) - count(*) FILTER (WHERE t.reverses_id IS NOT NULL) AS units
  FROM credits_transaction t
  WHERE t.user_id = e.user_id AND t.entitlement_id = e.id AND t.limit_day = e.used_day
) used
WHERE e.used_day IS NOT NULL AND e.used_units <> used.units
