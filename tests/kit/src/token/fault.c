/* A PKCS#11 module that hands everything on to another one, and misbehaves when it is told to.
 *
 * FAULT_MODULE names the other module, FAULT_CONTROL a file that says what to do now, one word a
 * line, some with a number; FAULT_LOG a file to which a line is added for each C_Login.
 *
 *   hang        C_Sign does not come back
 *   crash       C_Sign ends the process
 *   scribble    C_Sign writes to every descriptor that is open
 *   lie         C_Sign bends a bit
 *   stale       C_Sign gives the first signature of all again
 *   gone        there is no token
 *   broken      everything fails with CKR_DEVICE_ERROR
 *   extractable keys say that they can leave
 *   sessions N  when N changes, all sessions that are open end
 *   logout N    when N changes, nobody is logged in any more
 *   latency N   C_Sign takes N microseconds longer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long CK_RV, CK_ULONG;
typedef struct { unsigned char major, minor; } CK_VERSION;
/* The functions of CK_FUNCTION_LIST (PKCS#11 2.40 §3.6), by their place. */
enum {
  INITIALIZE = 0, FINALIZE = 1, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, OPEN_SESSION = 12,
  GET_SESSION_INFO = 15, LOGIN = 18, GET_ATTRIBUTE_VALUE = 24, FIND_OBJECTS_INIT = 26,
  SIGN_INIT = 42, SIGN = 43, COUNT = 68
};
typedef struct { CK_VERSION version; void *function[COUNT]; } CK_FUNCTION_LIST;
typedef struct { CK_ULONG type; void *value; CK_ULONG length; } CK_ATTRIBUTE;

#define CKR_OK 0x00
#define CKR_DEVICE_ERROR 0x30
#define CKR_DEVICE_REMOVED 0x32
#define CKR_SESSION_HANDLE_INVALID 0xB3
#define CKR_TOKEN_NOT_PRESENT 0xE0
#define CKR_USER_NOT_LOGGED_IN 0x101
#define CKA_EXTRACTABLE 0x162
#define CKA_NEVER_EXTRACTABLE 0x164

static CK_FUNCTION_LIST real, ours;
static int loaded;
/* Which sessions were opened under which number of `sessions`. */
static long born[65536];
static long logged_out;

typedef struct {
  int hang, crash, scribble, lie, stale, gone, broken, extractable;
  long sessions, logout, latency;
} orders;

static orders now(void) {
  orders o = {0};
  char text[512];
  const char *path = getenv("FAULT_CONTROL");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return o;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return o;
  text[length] = 0;
  for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
    if (!strcmp(line, "hang")) o.hang = 1;
    if (!strcmp(line, "crash")) o.crash = 1;
    if (!strcmp(line, "scribble")) o.scribble = 1;
    if (!strcmp(line, "lie")) o.lie = 1;
    if (!strcmp(line, "stale")) o.stale = 1;
    if (!strcmp(line, "gone")) o.gone = 1;
    if (!strcmp(line, "broken")) o.broken = 1;
    if (!strcmp(line, "extractable")) o.extractable = 1;
    sscanf(line, "sessions %ld", &o.sessions);
    sscanf(line, "logout %ld", &o.logout);
    sscanf(line, "latency %ld", &o.latency);
  }
  return o;
}

static CK_RV whole(orders o) {
  if (o.gone) return CKR_DEVICE_REMOVED;
  if (o.broken) return CKR_DEVICE_ERROR;
  return CKR_OK;
}

/* What any call in a session answers first. */
static CK_RV in_session(CK_ULONG session, orders o) {
  CK_RV rv = whole(o);
  if (rv) return rv;
  if (born[session & 65535] != o.sessions) return CKR_SESSION_HANDLE_INVALID;
  return CKR_OK;
}

static CK_RV get_slot_list(unsigned char present, CK_ULONG *list, CK_ULONG *count) {
  orders o = now();
  if (o.broken) return CKR_DEVICE_ERROR;
  if (o.gone && present) { *count = 0; return CKR_OK; }
  return ((CK_RV (*)(unsigned char, CK_ULONG *, CK_ULONG *))real.function[GET_SLOT_LIST])(
      present, list, count);
}

static CK_RV get_token_info(CK_ULONG slot, void *info) {
  orders o = now();
  if (o.gone) return CKR_TOKEN_NOT_PRESENT;
  if (o.broken) return CKR_DEVICE_ERROR;
  return ((CK_RV (*)(CK_ULONG, void *))real.function[GET_TOKEN_INFO])(slot, info);
}

static CK_RV open_session(CK_ULONG slot, CK_ULONG flags, void *app, void *notify, CK_ULONG *session) {
  orders o = now();
  if (whole(o)) return whole(o);
  CK_RV rv = ((CK_RV (*)(CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *))real.function[OPEN_SESSION])(
      slot, flags, app, notify, session);
  if (!rv) born[*session & 65535] = o.sessions;
  return rv;
}

static CK_RV get_session_info(CK_ULONG session, void *info) {
  CK_RV rv = in_session(session, now());
  if (rv) return rv;
  return ((CK_RV (*)(CK_ULONG, void *))real.function[GET_SESSION_INFO])(session, info);
}

static CK_RV login(CK_ULONG session, CK_ULONG user, unsigned char *pin, CK_ULONG length) {
  orders o = now();
  CK_RV rv = in_session(session, o);
  if (rv) return rv;
  const char *path = getenv("FAULT_LOG");
  int file = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
  if (file >= 0) {
    if (write(file, "login\n", 6) != 6) abort();
    close(file);
  }
  rv = ((CK_RV (*)(CK_ULONG, CK_ULONG, unsigned char *, CK_ULONG))real.function[LOGIN])(
      session, user, pin, length);
  logged_out = o.logout;
  return rv;
}

static CK_RV get_attribute_value(CK_ULONG session, CK_ULONG object, CK_ATTRIBUTE *list, CK_ULONG count) {
  orders o = now();
  CK_RV rv = in_session(session, o);
  if (rv) return rv;
  rv = ((CK_RV (*)(CK_ULONG, CK_ULONG, CK_ATTRIBUTE *, CK_ULONG))real.function[GET_ATTRIBUTE_VALUE])(
      session, object, list, count);
  for (CK_ULONG i = 0; o.extractable && i < count; i++) {
    if (!list[i].value || list[i].length != 1) continue;
    if (list[i].type == CKA_EXTRACTABLE) *(unsigned char *)list[i].value = 1;
    if (list[i].type == CKA_NEVER_EXTRACTABLE) *(unsigned char *)list[i].value = 0;
  }
  return rv;
}

static CK_RV find_objects_init(CK_ULONG session, CK_ATTRIBUTE *list, CK_ULONG count) {
  CK_RV rv = in_session(session, now());
  if (rv) return rv;
  return ((CK_RV (*)(CK_ULONG, CK_ATTRIBUTE *, CK_ULONG))real.function[FIND_OBJECTS_INIT])(
      session, list, count);
}

static CK_RV sign_init(CK_ULONG session, void *mechanism, CK_ULONG key) {
  orders o = now();
  CK_RV rv = in_session(session, o);
  if (rv) return rv;
  if (o.logout != logged_out) return CKR_USER_NOT_LOGGED_IN;
  return ((CK_RV (*)(CK_ULONG, void *, CK_ULONG))real.function[SIGN_INIT])(session, mechanism, key);
}

static CK_RV sign(CK_ULONG session, unsigned char *data, CK_ULONG length, unsigned char *signature,
                  CK_ULONG *signature_length) {
  static unsigned char first[8192];
  static CK_ULONG first_length;
  CK_RV (*next)(CK_ULONG, unsigned char *, CK_ULONG, unsigned char *, CK_ULONG *) = real.function[SIGN];
  if (!signature) return next(session, data, length, signature, signature_length);
  orders o = now();
  CK_RV rv = in_session(session, o);
  if (rv) return rv;
  while (o.hang) pause();
  if (o.crash) raise(SIGKILL);
  for (int fd = 0; o.scribble && fd < 64; fd++) {
    char nonsense[64];
    memset(nonsense, 0xff, sizeof nonsense);
    if (fd != 1 && fd != 2 && write(fd, nonsense, sizeof nonsense) < 0) continue;
  }
  if (o.latency) usleep(o.latency);
  rv = next(session, data, length, signature, signature_length);
  if (rv) return rv;
  if (o.lie) signature[*signature_length / 2] ^= 1;
  if (o.stale && first_length == *signature_length) memcpy(signature, first, first_length);
  if (!first_length && *signature_length <= sizeof first) {
    first_length = *signature_length;
    memcpy(first, signature, first_length);
  }
  return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
  if (!loaded) {
    const char *path = getenv("FAULT_MODULE");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
      fprintf(stderr, "fault: %s\n", path ? dlerror() : "no FAULT_MODULE");
      return CKR_DEVICE_ERROR;
    }
    CK_RV (*theirs)(CK_FUNCTION_LIST **) =
        (CK_RV (*)(CK_FUNCTION_LIST **))dlsym(library, "C_GetFunctionList");
    CK_FUNCTION_LIST *found;
    if (!theirs || theirs(&found)) return CKR_DEVICE_ERROR;
    real = ours = *found;
    ours.function[GET_SLOT_LIST] = get_slot_list;
    ours.function[GET_TOKEN_INFO] = get_token_info;
    ours.function[OPEN_SESSION] = open_session;
    ours.function[GET_SESSION_INFO] = get_session_info;
    ours.function[LOGIN] = login;
    ours.function[GET_ATTRIBUTE_VALUE] = get_attribute_value;
    ours.function[FIND_OBJECTS_INIT] = find_objects_init;
    ours.function[SIGN_INIT] = sign_init;
    ours.function[SIGN] = sign;
    loaded = 1;
  }
  *list = &ours;
  return CKR_OK;
}
