/* The VFS: every call goes to the system's VFS, but for reads, writes, syncs and sizes. */
#include "tests/crash/power_loss_vfs.h"

#include "tests/crash/crash_control.h"
#include "tests/crash/page_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of ten writes, how many go through as a whole and how many are held as a whole; the others are
 * torn: each of their sectors goes its own way. */
#define OF_TEN_THROUGH 4
#define OF_TEN_HELD    4

struct vfs_file {
    sqlite3_file base;
    sqlite3_file *real;       /* behind this struct */
    struct page_cache *cache; /* NULL where writes pass through */
    bool is_database;
    bool is_watched; /* a database or its log, not a temporary file */
};

static sqlite3_vfs *system_vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the caches and the randomness */
static uint64_t random_state;

static struct vfs_file *file_of(sqlite3_file *file)
{
    return (struct vfs_file *)file;
}

/* xorshift64: quick, and the seed is all that it depends on. */
static unsigned random_below(unsigned limit)
{
    if (random_state == 0)
        random_state = (uint64_t)atomic_load(&crash_control()->seed) * 2 + 1;
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 33) % limit);
}

/* Counts an armed number down; true for the call that brings it to 0. */
static bool comes_due(_Atomic uint32_t *left)
{
    uint32_t seen = atomic_load(left);

    while (seen > 0 && !atomic_compare_exchange_weak(left, &seen, seen - 1))
        ;
    return seen == 1;
}

/* --- sectors ------------------------------------------------------------------------------- */

/* A sector as the process sees it, zeros behind the file's end. */
static int read_sector(struct vfs_file *file, int64_t index, unsigned char bytes[PAGE_CACHE_SECTOR])
{
    const struct page_cache_sector *held = page_cache_find(file->cache, index);
    int rc;

    if (held != NULL) {
        memcpy(bytes, held->bytes, PAGE_CACHE_SECTOR);
        return SQLITE_OK;
    }
    memset(bytes, 0, PAGE_CACHE_SECTOR);
    rc = file->real->pMethods->xRead(file->real, bytes, PAGE_CACHE_SECTOR,
                                     index * PAGE_CACHE_SECTOR);
    return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc;
}

static int put_through(struct vfs_file *file, int64_t index,
                       const unsigned char bytes[PAGE_CACHE_SECTOR])
{
    struct page_cache_sector *held = page_cache_find(file->cache, index);
    const int rc = file->real->pMethods->xWrite(
        file->real, bytes, page_cache_sector_len(file->cache, index), index * PAGE_CACHE_SECTOR);

    if (rc == SQLITE_OK && held != NULL)
        page_cache_drop(file->cache, held);
    return rc;
}

static int hold_back(struct vfs_file *file, int64_t index,
                     const unsigned char bytes[PAGE_CACHE_SECTOR])
{
    struct page_cache_sector *held = page_cache_find(file->cache, index);

    if (held == NULL)
        held = page_cache_add(file->cache, index);
    if (held == NULL)
        return SQLITE_IOERR_NOMEM;
    memcpy(held->bytes, bytes, PAGE_CACHE_SECTOR);
    held->dropped = false;
    return SQLITE_OK;
}

/* The part of a write that lies in one sector. */
static int write_sector(struct vfs_file *file, int64_t index, const unsigned char *data, int len,
                        int64_t offset, bool through)
{
    const int64_t begin = index * PAGE_CACHE_SECTOR;
    const int64_t from = offset > begin ? offset : begin;
    const int64_t end =
        begin + PAGE_CACHE_SECTOR < offset + len ? begin + PAGE_CACHE_SECTOR : offset + len;
    unsigned char bytes[PAGE_CACHE_SECTOR];
    const int rc = read_sector(file, index, bytes);

    if (rc != SQLITE_OK)
        return rc;
    memcpy(bytes + (from - begin), data + (from - offset), (size_t)(end - from));
    return through ? put_through(file, index, bytes) : hold_back(file, index, bytes);
}

static int write_cached(struct vfs_file *file, const unsigned char *data, int len, int64_t offset)
{
    const unsigned fate = random_below(10);
    int rc = SQLITE_OK;

    if (file->cache->size < offset + len)
        file->cache->size = offset + len;
    for (int64_t index = offset / PAGE_CACHE_SECTOR;
         rc == SQLITE_OK && index * PAGE_CACHE_SECTOR < offset + len; index++) {
        const bool through =
            fate < OF_TEN_THROUGH || (fate >= OF_TEN_THROUGH + OF_TEN_HELD && random_below(2) == 0);

        rc = write_sector(file, index, data, len, offset, through);
    }
    return rc;
}

static int read_cached(struct vfs_file *file, unsigned char *data, int len, int64_t offset)
{
    int rc = file->real->pMethods->xRead(file->real, data, len, offset);

    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
        return rc;
    for (int64_t i = 0; i < file->cache->count; i++) {
        const struct page_cache_sector *held = &file->cache->held[i];
        const int64_t begin = held->index * PAGE_CACHE_SECTOR;
        const int64_t from = offset > begin ? offset : begin;
        const int64_t end =
            begin + PAGE_CACHE_SECTOR < offset + len ? begin + PAGE_CACHE_SECTOR : offset + len;
        if (from < end)
            memcpy(data + (from - offset), held->bytes + (from - begin), (size_t)(end - from));
    }
    return offset + len > file->cache->size ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

/* --- the calls of a file ------------------------------------------------------------------- */

static int vfs_close(sqlite3_file *file)
{
    struct vfs_file *f = file_of(file);

    return f->real->pMethods->xClose(f->real);
}

static int vfs_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(file);
    int rc;

    if (f->is_watched && comes_due(&crash_control()->fail_reads))
        return SQLITE_IOERR_READ;
    if (f->cache == NULL)
        return f->real->pMethods->xRead(f->real, data, len, offset);
    pthread_mutex_lock(&lock);
    rc = read_cached(f, data, len, offset);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int vfs_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct vfs_file *f = file_of(file);

    if (f->cache == NULL)
        return f->real->pMethods->xFileSize(f->real, size);
    pthread_mutex_lock(&lock);
    *size = f->cache->size;
    pthread_mutex_unlock(&lock);
    return SQLITE_OK;
}

/* What the disk says to a write before it is made: a full one has room for what is there. */
static int refuse_write(struct crash_control *control, bool grows)
{
    if (comes_due(&control->full_in))
        atomic_store(&control->disk, CRASH_DISK_FULL);
    switch ((enum crash_disk)atomic_load(&control->disk)) {
    case CRASH_DISK_GOOD:
        break;
    case CRASH_DISK_FULL:
        if (grows)
            return SQLITE_FULL;
        break;
    case CRASH_DISK_READ_ONLY:
        errno = EROFS;
        return SQLITE_IOERR_WRITE;
    }
    return comes_due(&control->fail_writes) ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int vfs_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(file);
    sqlite3_int64 size = 0;
    int rc;

    if (!f->is_watched)
        return f->real->pMethods->xWrite(f->real, data, len, offset);
    if (f->is_database)
        CRASH_POINT(VFS_DATABASE_WRITE);
    else
        CRASH_POINT(VFS_LOG_WRITE);
    rc = vfs_size(file, &size);
    if (rc == SQLITE_OK)
        rc = refuse_write(crash_control(), offset + len > size);
    if (rc != SQLITE_OK)
        return rc;
    if (f->cache == NULL)
        return f->real->pMethods->xWrite(f->real, data, len, offset);
    pthread_mutex_lock(&lock);
    rc = write_cached(f, data, len, offset);
    pthread_mutex_unlock(&lock);
    return rc;
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct vfs_file *f = file_of(file);

    if (f->cache != NULL) {
        pthread_mutex_lock(&lock);
        page_cache_truncate(f->cache, size);
        pthread_mutex_unlock(&lock);
    }
    return f->real->pMethods->xTruncate(f->real, size);
}

/*
 * Everything held that is dirty, or on a disk that fails a random part of it. After that Linux
 * takes the rest for clean, so that the next sync succeeds without it.
 */
static int write_back(struct vfs_file *file, bool fails)
{
    int rc = SQLITE_OK;

    for (int64_t i = file->cache->count - 1; rc == SQLITE_OK && i >= 0; i--) {
        const struct page_cache_sector held = file->cache->held[i];

        if (held.dropped)
            continue;
        if (!fails || random_below(2) == 0)
            rc = put_through(file, held.index, held.bytes);
        else
            file->cache->held[i].dropped = true;
    }
    return rc;
}

static int vfs_sync(sqlite3_file *file, int flags)
{
    struct vfs_file *f = file_of(file);
    const bool fails = f->is_watched && comes_due(&crash_control()->fail_syncs);
    int rc = SQLITE_OK;

    if (f->is_database)
        CRASH_POINT(VFS_DATABASE_SYNC_BEFORE);
    else if (f->is_watched)
        CRASH_POINT(VFS_LOG_SYNC_BEFORE);
    if (f->cache == NULL) {
        rc = f->real->pMethods->xSync(f->real, flags);
    } else { /* only this process's end is played: the kernel's cache outlives it */
        pthread_mutex_lock(&lock);
        rc = write_back(f, fails);
        pthread_mutex_unlock(&lock);
    }
    if (rc == SQLITE_OK && fails)
        rc = SQLITE_IOERR_FSYNC;
    if (f->is_database)
        CRASH_POINT(VFS_DATABASE_SYNCED);
    else if (f->is_watched)
        CRASH_POINT(VFS_LOG_SYNCED);
    return rc;
}

static int vfs_lock(sqlite3_file *file, int level)
{
    return file_of(file)->real->pMethods->xLock(file_of(file)->real, level);
}

static int vfs_unlock(sqlite3_file *file, int level)
{
    return file_of(file)->real->pMethods->xUnlock(file_of(file)->real, level);
}

static int vfs_check_reserved(sqlite3_file *file, int *out)
{
    return file_of(file)->real->pMethods->xCheckReservedLock(file_of(file)->real, out);
}

static int vfs_control(sqlite3_file *file, int operation, void *argument)
{
    return file_of(file)->real->pMethods->xFileControl(file_of(file)->real, operation, argument);
}

static int vfs_sector_size(sqlite3_file *file)
{
    return file_of(file)->real->pMethods->xSectorSize(file_of(file)->real);
}

static int vfs_characteristics(sqlite3_file *file)
{
    return file_of(file)->real->pMethods->xDeviceCharacteristics(file_of(file)->real);
}

static int vfs_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return file_of(file)->real->pMethods->xShmMap(file_of(file)->real, page, size, extend, out);
}

static int vfs_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return file_of(file)->real->pMethods->xShmLock(file_of(file)->real, offset, count, flags);
}

static void vfs_shm_barrier(sqlite3_file *file)
{
    file_of(file)->real->pMethods->xShmBarrier(file_of(file)->real);
}

static int vfs_shm_unmap(sqlite3_file *file, int remove)
{
    return file_of(file)->real->pMethods->xShmUnmap(file_of(file)->real, remove);
}

/* Version 2: without it SQLite maps no file, so every byte passes here. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

/* --- the calls of the VFS ------------------------------------------------------------------ */

/* The first connection finds the size, each further one what the process made of it. */
static int join_cache(struct vfs_file *file, const char *path)
{
    sqlite3_int64 size = 0;
    int rc = SQLITE_OK;

    pthread_mutex_lock(&lock);
    file->cache = page_cache_of(path, true);
    if (file->cache == NULL)
        rc = SQLITE_NOMEM;
    else if (file->cache->count == 0) {
        rc = file->real->pMethods->xFileSize(file->real, &size);
        file->cache->size = size;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct vfs_file *f = file_of(file);
    struct crash_control *control = crash_control();
    int rc;

    (void)vfs;
    memset(f, 0, sizeof(*f));
    f->real = (sqlite3_file *)(void *)(f + 1);
    f->is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    f->is_watched = f->is_database || (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    if (f->is_watched && atomic_load(&control->disk) == CRASH_DISK_READ_ONLY &&
        (flags & SQLITE_OPEN_READWRITE) != 0)
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    rc = system_vfs->xOpen(system_vfs, path, f->real, flags, out_flags);
    if (rc == SQLITE_OK && f->is_watched && atomic_load(&control->power_loss) != 0) {
        rc = join_cache(f, path);
        if (rc != SQLITE_OK)
            (void)f->real->pMethods->xClose(f->real);
    }
    if (rc == SQLITE_OK)
        f->base.pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    struct page_cache *cache;

    (void)vfs;
    pthread_mutex_lock(&lock);
    cache = page_cache_of(path, false);
    if (cache != NULL)
        page_cache_truncate(cache, 0);
    pthread_mutex_unlock(&lock);
    return system_vfs->xDelete(system_vfs, path, sync_folder);
}

__attribute__((constructor)) static void install(void)
{
    static sqlite3_vfs vfs;

    system_vfs = sqlite3_vfs_find(NULL);
    vfs = *system_vfs;
    vfs.zName = POWER_LOSS_VFS_NAME;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct vfs_file) + system_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}

/* An orderly end is no power loss: the kernel writes what it still has. */
__attribute__((destructor)) static void write_back_all(void)
{
    for (struct page_cache *cache = page_cache_first(); cache != NULL; cache = cache->next) {
        const int fd = cache->count > 0 ? open(cache->path, O_WRONLY | O_CLOEXEC) : -1;

        for (int64_t i = 0; fd >= 0 && i < cache->count; i++) {
            const struct page_cache_sector *held = &cache->held[i];
            const size_t len = (size_t)page_cache_sector_len(cache, held->index);

            if (pwrite(fd, held->bytes, len, held->index * PAGE_CACHE_SECTOR) != (ssize_t)len)
                abort();
        }
        if (fd >= 0)
            close(fd);
    }
}
