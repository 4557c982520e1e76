-- The fingerprint of all chains as they stood at posting p_last, over the digest before: anybody can compute it again.
CREATE FUNCTION credits_digest_of(p_last bigint, p_before bytea, OUT wallets bigint, OUT digest bytea) LANGUAGE sql STABLE AS $$
  SELECT count(*), sha256(p_before || coalesce(string_agg(int8send(w.user_id) || h.hash, ''::bytea ORDER BY w.user_id), ''::bytea))
  FROM credits_wallet w
  CROSS JOIN LATERAL (
    SELECT p.hash FROM credits_posting p WHERE p.user_id = w.user_id AND p.id <= p_last ORDER BY p.seq DESC LIMIT 1
  ) h
$$;
