/**
 * The mark that the fence leaves in the comment of the owner role: which secret manages it, and the newest epoch that
 * acted. A comment that a person wrote stays in front of it. `COMMENT ON ROLE` needs no superuser (rotation.md §3.1).
 */
import { ownStates } from './errors.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';

export interface Marker {
  readonly secretId: string;
  readonly epoch: number;
}

/**
 * Left by the last un-adoption: another secret may take the login on, an older epoch of this one still refuses itself.
 * Takes the place of the mark, at the end of a change.
 */
export function markerRelease(owner: string): string {
  return `
  note := regexp_replace(shobj_description(owner_oid, 'pg_authid'), '\\[sikkerkey secret=', '[sikkerkey released=');
  EXECUTE format('COMMENT ON ROLE %I IS %L', ${quoteLiteral(owner)}, note);`;
}

const markerPattern = /\[sikkerkey secret=([A-Za-z0-9_-]{1,128}) epoch=(\d{1,15})\]/;

export function readMarker(comment: string | null): Marker | null {
  const found = comment === null ? null : markerPattern.exec(comment);
  return found === null ? null : { secretId: found[1] ?? '', epoch: Number(found[2]) };
}

/** The epoch that this secret left in the comment, also with its release; null where there is none of it. */
export function markedEpoch(comment: string | null, secretId: string): number | null {
  const found = comment === null ? null : /\[sikkerkey (?:secret|released)=([A-Za-z0-9_-]{1,128}) epoch=(\d{1,15})\]/.exec(comment);
  return found?.[1] === secretId ? Number(found[2]) : null;
}

/** Comment of a slot role that adoption created; only roles with it are ever dropped. */
export function slotComment(secretId: string): string {
  return `Login slot of a managed secret [sikkerkey slot-of=${secretId}]`;
}

/**
 * PL/pgSQL that runs first in every change: takes the owner's row in pg_authid, refuses an older epoch and another
 * secret, then writes our mark. Roles belong to the whole cluster, so two writers meet at that row whatever their
 * database and administrator; advisory locks are per database. An ALTER ROLE without options changes nothing and asks
 * for no more privilege than COMMENT. It comes before the mark is read: who waited would otherwise compare with, and
 * overwrite, what was true before. The one that waited fails with XX000 once the other has committed, or with 55P03,
 * and begins again. Needs READ COMMITTED: each statement must see what was committed while it waited.
 */
export function markerCheck(owner: string, marker: Marker): string {
  return `
  SELECT oid INTO owner_oid FROM pg_roles WHERE rolname = ${quoteLiteral(owner)};
  IF owner_oid IS NULL THEN RAISE EXCEPTION USING ERRCODE = '${ownStates.roleMissing}', MESSAGE = 'owner role is missing'; END IF;
  ALTER ROLE ${quoteIdentifier(owner)};
  note := shobj_description(owner_oid, 'pg_authid');
  mark := regexp_match(note, '\\[sikkerkey (secret|released)=([A-Za-z0-9_-]+) epoch=([0-9]+)\\]');
  IF mark[1] = 'released' AND mark[2] <> ${quoteLiteral(marker.secretId)} THEN mark := NULL; END IF;
  IF mark IS NOT NULL AND mark[2] <> ${quoteLiteral(marker.secretId)} THEN
    RAISE EXCEPTION USING ERRCODE = '${ownStates.otherSecret}', MESSAGE = 'managed by another secret';
  END IF;
  IF mark IS NOT NULL AND mark[3]::bigint > ${marker.epoch} THEN
    RAISE EXCEPTION USING ERRCODE = '${ownStates.newerEpoch}', MESSAGE = 'a newer epoch has acted';
  END IF;
  IF mark IS NULL OR mark[1] = 'released' OR mark[3]::bigint < ${marker.epoch} THEN
    note := concat_ws(' ', nullif(regexp_replace(coalesce(note, ''), '\\s*\\[sikkerkey (secret|released)=[^]]*\\]', '', 'g'), ''),
      ${quoteLiteral(`[sikkerkey secret=${marker.secretId} epoch=${marker.epoch}]`)});
    EXECUTE format('COMMENT ON ROLE %I IS %L', ${quoteLiteral(owner)}, note);
  END IF;`;
}
