/*
 * What a program does that heeds no commands and no wishes, and has nothing to report: for tests of something else. After world.h.
 */
static void on_command(void *app, int command, const char *name, tributary_value args)
{
    (void)app, (void)command, (void)name, (void)args;
}

static const char *on_desired(void *app, tributary_value document)
{
    (void)app, (void)document;
    return NULL;
}

static void write_reported(void *app, tributary_writer *writer)
{
    (void)app;
    tributary_put_map(writer, 0);
}
