import { randomUUID } from 'node:crypto';
import { type ChangeSource, loggedContext } from '../change-context.js';
import type { ChangeNote } from '../session-store.js';
import { MAX_IDENTIFIER_LENGTH, MAX_REASON_LENGTH, storableText } from '../storable-text.js';
import type { Operation } from './statements/change.statements.js';

/** A change with an id of its own, by which a later attempt recognises an earlier one. */
export function operationOf(note: ChangeNote, source?: ChangeSource): Operation {
  return {
    reason: storableText(note.reason, MAX_REASON_LENGTH) ?? 'unspecified',
    by: note.by === null ? null : storableText(note.by, MAX_IDENTIFIER_LENGTH),
    operationId: randomUUID(),
    context: loggedContext(note, source),
    undoable: note.undoable ?? false,
  };
}
