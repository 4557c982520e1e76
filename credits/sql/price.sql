-- The price of an offer with these parameters: the row whose match is contained in them and names most of them.
-- Refuses: price_missing.
CREATE FUNCTION credits_price_of(p_offer text, p_params jsonb) RETURNS TABLE (amount bigint, unit text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
    SELECT p.amount_credits, p.unit::text
    FROM credits_price p JOIN credits_offer o ON o.code = p.offer_id
    WHERE p.offer_id = p_offer AND o.is_active AND p_params @> p.match
    ORDER BY (SELECT count(*) FROM jsonb_object_keys(p.match)) DESC, p.id
    LIMIT 1;
  IF NOT FOUND THEN
    PERFORM credits_refuse('price_missing', jsonb_build_object('offer', p_offer));
  END IF;
END $$;
