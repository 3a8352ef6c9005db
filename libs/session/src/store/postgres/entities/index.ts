import { IdentitySessionAddressEntity } from './identity-session-address.entity.js';
import { IdentitySessionCleanupEntity } from './identity-session-cleanup.entity.js';
import { IdentitySessionConnectionEntity } from './identity-session-connection.entity.js';
import { IdentitySessionCutOffEntity } from './identity-session-cut-off.entity.js';
import { IdentitySessionDeadLetterEntity } from './identity-session-dead-letter.entity.js';
import { IdentitySessionEventEntity } from './identity-session-event.entity.js';
import { IdentitySessionListenerEntity } from './identity-session-listener.entity.js';
import { IdentitySessionLockEntity } from './identity-session-lock.entity.js';
import { IdentitySessionJobEntity } from './identity-session-job.entity.js';
import { IdentitySessionNodeEntity } from './identity-session-node.entity.js';
import { IdentitySessionQuestionEntity } from './identity-session-question.entity.js';
import { IdentitySessionSettingEntity } from './identity-session-setting.entity.js';
import { IdentitySessionEntity } from './identity-session.entity.js';

/** For the `entities` of a DataSource that wants to query the tables itself; the module does not need it. */
export const IDENTITY_SESSION_ENTITIES = [
  IdentitySessionEntity,
  IdentitySessionEventEntity,
  IdentitySessionCutOffEntity,
  IdentitySessionQuestionEntity,
  IdentitySessionAddressEntity,
  IdentitySessionNodeEntity,
  IdentitySessionCleanupEntity,
  IdentitySessionSettingEntity,
  IdentitySessionConnectionEntity,
  IdentitySessionLockEntity,
  IdentitySessionJobEntity,
  IdentitySessionListenerEntity,
  IdentitySessionDeadLetterEntity,
];
