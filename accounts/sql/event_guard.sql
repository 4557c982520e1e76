-- Events are append-only. The one way to change a row is accounts_event_erase, which empties payloads:
-- the guard looks at the call stack, so no setting and no flag opens it.
CREATE FUNCTION accounts_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_stack text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    GET DIAGNOSTICS v_stack = PG_CONTEXT;
    IF position('accounts_event_erase(bigint)' IN v_stack) > 0
       AND NEW.payload = '{}'::jsonb
       AND (NEW.id, NEW.user_id, NEW.number, NEW.kind, NEW.created_at)
           = (OLD.id, OLD.user_id, OLD.number, OLD.kind, OLD.created_at) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'accounts_event is append-only: % refused', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER accounts_event_guard BEFORE UPDATE OR DELETE ON accounts_event
FOR EACH ROW EXECUTE FUNCTION accounts_event_guard();

CREATE TRIGGER accounts_event_guard_truncate BEFORE TRUNCATE ON accounts_event
FOR EACH STATEMENT EXECUTE FUNCTION accounts_event_guard();
