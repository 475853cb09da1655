/* verbs: what `bourdon` can do, one file cmd_<verb>.c a verb. */
#ifndef BOURDON_CLIENT_VERBS_H
#define BOURDON_CLIENT_VERBS_H

enum {
    STATUS_OK = 0,
    STATUS_FAILED = 1, /* a file, a peer or the system said no */
    STATUS_USAGE = 2,  /* wrong arguments or input */
};

/* argv[0] is the verb. Each returns the exit status of the program. */
int cmd_send(int argc, char **argv);
int cmd_readings(int argc, char **argv);
int cmd_alarms(int argc, char **argv);
int cmd_acks(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_spool(int argc, char **argv);
int cmd_where(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_scan(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_audit(int argc, char **argv);

int cmd_compare_truth(int argc, char **argv);

/* Finds and runs the verb of a command line; also answers --help, --version and `help VERB`. */
int verbs_run(int argc, char **argv);

#endif
