#include "spool/disk_room.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static char ballast[TEMPORARY_PATH_MAX];

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "spool.db", path);
    temporary_path(folder, "spool.db-ballast", ballast);
}

static void teardown(void)
{
    temporary_remove(folder);
}

START_TEST(knows_the_free_space_or_that_it_does_not)
{
    ck_assert_int_gt(disk_room_free(path), 0);
    ck_assert_int_eq(disk_room_free("/no/such/folder/spool.db"), -1);
}
END_TEST

START_TEST(the_ballast_occupies_space_once_and_can_be_given_up)
{
    struct err_text why = {{0}};
    struct stat status;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(disk_room_make_ballast(path, &why), ERR_OK);
        ck_assert_int_eq(stat(ballast, &status), 0);
        ck_assert_int_eq(status.st_size, DISK_ROOM_BALLAST);
        ck_assert_int_ge(status.st_blocks * 512, DISK_ROOM_BALLAST);
    }
    ck_assert(disk_room_release_ballast(path));
    ck_assert_int_ne(access(ballast, F_OK), 0);
    ck_assert(!disk_room_release_ballast(path));
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error)
{
    struct err_text why = {{0}};
    ck_assert_int_ne(disk_room_make_ballast("/no/such/folder/spool.db", &why), ERR_OK);
    ck_assert_int_ne(why.text[0], 0);
}
END_TEST

int main(void)
{
    return suite_run_with("disk_room", setup, teardown,
                          (const TTest *[]){
                              knows_the_free_space_or_that_it_does_not,
                              the_ballast_occupies_space_once_and_can_be_given_up,
                              a_folder_that_is_not_there_is_an_error,
                              NULL,
                          });
}
