#include "support/capture.h"

#include <check.h>
#include <unistd.h>

struct capture capture_start(int stream)
{
    struct capture capture = {.file = tmpfile(), .stream = stream};
    ck_assert_ptr_nonnull(capture.file);
    fflush(NULL);
    capture.kept = dup(stream);
    ck_assert_int_ge(capture.kept, 0);
    ck_assert_int_ge(dup2(fileno(capture.file), stream), 0);
    return capture;
}

void capture_stop(struct capture *capture, char *text, size_t size)
{
    fflush(NULL);
    ck_assert_int_ge(dup2(capture->kept, capture->stream), 0);
    close(capture->kept);
    rewind(capture->file);
    text[fread(text, 1, size - 1, capture->file)] = '\0';
    fclose(capture->file);
}
