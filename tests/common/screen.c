// SPDX-License-Identifier: GPL-2.0
/*
 * screen ROWS COLUMNS COMMAND...: run a command on a terminal of that size, and
 * do what standard input says, a line each:
 *
 *   expect TEXT         wait until TEXT is on the screen
 *   gone TEXT           wait until it is not
 *   line N TEXT         wait until line N, from 1 on, contains TEXT
 *   keys TEXT           type it; \e \n \b \\ and \xNN as in C
 *   size ROWS COLUMNS   make the terminal so large
 *   signal NUMBER       send the command a signal
 *   show                print the screen
 *   run COMMAND         wait for a shell command; it must succeed
 *   status N            wait for the end of the command, with that exit status or
 *                       128 + signal, and see that the terminal is as it was: the
 *                       normal screen, a cursor, lines and echo
 *   hangup N            take the terminal away, and wait for the same
 *
 * What does not come within a long time fails, and the screen is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#define MOST_ROWS	100
#define MOST_COLUMNS	250
#define SECONDS		120	/* only bounds a hang */

/* A cell is one character: up to four bytes. */
static char cells[MOST_ROWS][MOST_COLUMNS][5];
static int rows, columns, y, x;
static char last[5] = " ";	/* for "repeat it" */
static bool other_screen, no_cursor;

static int master, slave;
static pid_t child;
static int end_status = -1;

static void show(void)
{
	for (int i = 0; i < rows; i++) {
		printf("# |");
		for (int j = 0; j < columns; j++)
			fputs(cells[i][j], stdout);
		puts("|");
	}
	fflush(stdout);
}

__attribute__((format(printf, 1, 2), noreturn))
static void fail(const char *fmt, ...)
{
	va_list args;

	printf("# ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("; on the screen is:\n");
	show();
	if (end_status < 0)
		kill(child, SIGKILL);
	exit(1);
}

/* ---- the terminal ------------------------------------------------------- */

static int within(int n, int most)
{
	return n < 0 ? 0 : n > most ? most : n;
}

static void clear(int row, int from, int to)
{
	for (int j = from; row >= 0 && row < rows && j < to && j < columns; j++)
		strcpy(cells[row][j], " ");
}

static void clear_rows(int from, int to)
{
	for (int i = from; i < to && i < rows; i++)
		clear(i, 0, columns);
}

static void next_line(void)
{
	if (y < rows - 1) {
		y++;
		return;
	}
	memmove(cells[0], cells[1], sizeof(cells[0]) * (size_t)(rows - 1));
	clear(rows - 1, 0, columns);
}

static void write_cell(const char *character)
{
	if (x >= columns) {
		x = 0;
		next_line();
	}
	strcpy(cells[y][x++], character);
	strcpy(last, character);
}

/* Insert or delete cells: what is between here and the end of the line moves. */
static void shift_cells(int n, bool insert)
{
	int at = within(x, columns - 1), count = within(n, columns - at);
	char (*row)[5] = cells[y];

	memmove(row + at + (insert ? count : 0), row + at + (insert ? 0 : count),
		sizeof(*row) * (size_t)(columns - at - count));
	clear(y, insert ? at : columns - count, insert ? at + count : columns);
}

/* The same with lines. */
static void shift_lines(int n, bool insert)
{
	int count = within(n, rows - y);

	memmove(cells[y + (insert ? count : 0)], cells[y + (insert ? 0 : count)],
		sizeof(cells[0]) * (size_t)(rows - y - count));
	clear_rows(insert ? y : rows - count, insert ? y + count : rows);
}

static void control(const char *arguments, char final)
{
	bool private = *arguments == '?';
	int a = 0, b = 0, n;

	if (*arguments == '?' || *arguments == '>')
		arguments++;
	if (sscanf(arguments, "%d;%d", &a, &b) < 1)
		sscanf(arguments, ";%d", &b);
	n = a ? a : 1;
	switch (final) {
	case 'H': case 'f':
		y = within(n - 1, rows - 1);
		x = within(b - 1, columns - 1);
		break;
	case 'A': y = within(y - n, rows - 1); break;
	case 'B': y = within(y + n, rows - 1); break;
	case 'C': x = within(x + n, columns - 1); break;
	case 'D': x = within(x - n, columns - 1); break;
	case 'G': x = within(n - 1, columns - 1); break;
	case 'd': y = within(n - 1, rows - 1); break;
	case 'J':
		clear(y, a == 0 ? x : 0, a == 1 ? x + 1 : columns);
		clear_rows(a == 0 ? y + 1 : 0, a == 1 ? y : rows);
		break;
	case 'K':
		clear(y, a == 0 ? x : 0, a == 1 ? x + 1 : columns);
		break;
	case 'X':
		clear(y, x, x + n);
		break;
	case '@': case 'P':
		shift_cells(n, final == '@');
		break;
	case 'L': case 'M':
		shift_lines(n, final == 'L');
		break;
	case 'b':
		while (n-- > 0)
			write_cell(strcpy((char[5]){ 0 }, last));
		break;
	case 'h': case 'l':
		if (private && a == 1049)
			other_screen = final == 'h';
		if (private && a == 25)
			no_cursor = final == 'l';
		break;
	case 'm': case 'r': case 't': case 'c': case 'n':
		break;
	default:
		fail("the command sent ESC [ %s %c, which is not known here", arguments, final);
	}
}

/* One byte of output. */
static void output(unsigned char c)
{
	static enum { TEXT, ESCAPE, CONTROL, SKIP } state;
	static char arguments[64], character[5];
	static size_t length, wanted;

	if (state == ESCAPE) {
		state = c == '[' ? CONTROL : strchr("()#", c) ? SKIP : TEXT;
		length = 0;
		if (c == 'M')
			y = within(y - 1, rows - 1);
	} else if (state == SKIP) {
		state = TEXT;
	} else if (state == CONTROL) {
		if (c >= 0x40 || length + 1 == sizeof(arguments)) {
			state = TEXT;
			arguments[length] = '\0';
			control(arguments, (char)c);
			return;
		}
		arguments[length++] = (char)c;
	} else if (c == 27) {
		state = ESCAPE;
	} else if (c == '\r') {
		x = 0;
	} else if (c == '\n') {
		next_line();
	} else if (c == '\b') {
		x = within(x - 1, columns - 1);
	} else if (c == '\t') {
		x = within((x / 8 + 1) * 8, columns - 1);
	} else if (c >= 0xc0) {
		length = 0;
		wanted = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
		character[length++] = (char)c;
	} else if (c >= 0x80) {
		if (length == 0 || length >= wanted)
			fail("the command sent the byte %02x", c);
		character[length++] = (char)c;
		character[length] = '\0';
		if (length == wanted)
			write_cell(character);
	} else if (c >= ' ' && c < 127) {
		write_cell((char[5]){ (char)c });
	} else if (c && c != 14 && c != 15 && c != 7) {	/* other letters, bell */
		fail("the command sent the byte %02x", c);
	}
}

/* ---- waiting ------------------------------------------------------------ */

/* What the command has written, after a short time for more. */
static void hear(int ms)
{
	struct pollfd fd = { .fd = master, .events = POLLIN };
	unsigned char buf[4096];
	ssize_t n;

	while (poll(&fd, 1, ms) > 0 && (n = read(master, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			output(buf[i]);
		ms = 0;
	}
}

/* The same; and if the command has ended, all it wrote before. */
static void listen(int ms)
{
	int status;

	hear(ms);
	if (end_status < 0 && waitpid(child, &status, WNOHANG) == child) {
		end_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		hear(0);
	}
}

static bool on_line(int row, const char *text)
{
	char line[MOST_COLUMNS * 4 + 1] = "", *end = line;

	for (int j = 0; j < columns; j++)
		end = stpcpy(end, cells[row][j]);
	return strstr(line, text);
}

/* @row is -1 for any. */
static bool is_there(int row, const char *text)
{
	for (int i = 0; i < rows; i++)
		if ((row < 0 || row == i) && on_line(i, text))
			return true;
	return false;
}

static void wait_for(int row, const char *text, bool there)
{
	time_t limit = time(NULL) + SECONDS;

	while (is_there(row, text) != there) {
		if (end_status >= 0)
			fail("the command ended with %d, before %s'%s'", end_status,
			     there ? "" : "the end of ", text);
		if (time(NULL) > limit)
			fail("waited in vain for %s'%s'", there ? "" : "the end of ", text);
		listen(50);
	}
}

static void wait_for_end(int status)
{
	time_t limit = time(NULL) + SECONDS;

	while (end_status < 0) {
		if (time(NULL) > limit)
			fail("waited in vain for the end");
		listen(50);
	}
	if (end_status != status)
		fail("exit status %d, wanted %d", end_status, status);
}

static void see_it_restored(const struct termios *before)
{
	struct termios after;

	if (other_screen || no_cursor)
		fail("it did not %s", other_screen ? "go back to the normal screen" :
						     "show the cursor again");
	tcgetattr(slave, &after);
	if (after.c_lflag != before->c_lflag || after.c_iflag != before->c_iflag ||
	    after.c_oflag != before->c_oflag)
		fail("it left the terminal in another mode");
}

/* ---- what to do --------------------------------------------------------- */

static void type(const char *text)
{
	for (; *text; text++) {
		char c = *text;
		unsigned int n;

		if (c == '\\') {
			c = *++text;
			if (c == 'x' && sscanf(text + 1, "%2x", &n) == 1) {
				c = (char)n;
				text += 2;
			} else {
				c = c == 'e' ? 27 : c == 'n' ? '\r' : c == 'b' ? 127 : c;
			}
		}
		if (write(master, &c, 1) != 1)
			fail("cannot type: %s", strerror(errno));
	}
}

static void resize(int new_rows, int new_columns)
{
	struct winsize size = { .ws_row = (unsigned short)new_rows,
				.ws_col = (unsigned short)new_columns };

	rows = new_rows;
	columns = new_columns;
	y = x = 0;
	clear_rows(0, rows);
	ioctl(master, TIOCSWINSZ, &size);
}

static void obey(char *line, const struct termios *before)
{
	char *argument = strchr(line, ' ');
	int a, b, at;

	if (argument)
		*argument++ = '\0';
	else
		argument = line + strlen(line);
	if (strcmp(line, "expect") == 0) {
		wait_for(-1, argument, true);
	} else if (strcmp(line, "gone") == 0) {
		wait_for(-1, argument, false);
	} else if (strcmp(line, "line") == 0 && sscanf(argument, "%d %n", &a, &at) == 1) {
		wait_for(a - 1, argument + at, true);
	} else if (strcmp(line, "keys") == 0) {
		type(argument);
	} else if (strcmp(line, "size") == 0 && sscanf(argument, "%d %d", &a, &b) == 2 &&
		   a <= MOST_ROWS && b <= MOST_COLUMNS) {
		resize(a, b);
	} else if (strcmp(line, "signal") == 0) {
		kill(child, atoi(argument));
	} else if (strcmp(line, "show") == 0) {
		show();
	} else if (strcmp(line, "run") == 0) {
		if (system(argument) != 0)
			fail("'%s' failed", argument);
	} else if (strcmp(line, "status") == 0) {
		wait_for_end(atoi(argument));
		see_it_restored(before);
	} else if (strcmp(line, "hangup") == 0) {
		close(slave);
		close(master);
		master = -1;
		wait_for_end(atoi(argument));
	} else {
		fail("'%s %s' is nothing to do", line, argument);
	}
}

int main(int argc, char **argv)
{
	struct termios before;
	char line[1024];

	if (argc < 4 || openpty(&master, &slave, NULL, NULL, NULL) < 0)
		return 2;
	fcntl(master, F_SETFD, FD_CLOEXEC);
	tcgetattr(slave, &before);
	resize(atoi(argv[1]), atoi(argv[2]));
	child = fork();
	if (child == 0) {
		login_tty(slave);
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line)
			obey(line, &before);
	}
	if (end_status < 0)
		fail("the command was not ended");
	return 0;
}
