// bench LINE CONTROL DIVISOR: a simulated board. Bytes from the descriptor LINE (a pseudo-terminal) become bits at the
// pin rx, DIVISOR clock cycles each; bits of the pin tx become bytes to LINE. On CONTROL an 'r' presses the reset
// button; its end is the end of the program. While nothing is under way the clock stands still and the program sleeps.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>

#include "Vbench.h"
#include "verilated.h"

class Board {
public:
    Board(VerilatedContext& context, int line, int control, int divisor)
        : top(&context), line(line), control(control), divisor(divisor), quiet_limit(64 * divisor + 4096) {
        fcntl(line, F_SETFL, fcntl(line, F_GETFL) | O_NONBLOCK);
        top.rx = 1;
        press();
        if (write(control, "!", 1) != 1) std::exit(1);  // ready
    }

    // Until CONTROL ends.
    void run() {
        for (;;) {
            const bool asleep = quiet > quiet_limit && to_board.empty() && from_board.empty();
            if (!exchange(asleep ? -1 : 0)) return;
            cycles(POLL);
        }
    }

private:
    static constexpr int POLL = 256;  // cycles between looks at LINE and CONTROL: a look costs about one cycle of nano
    static constexpr int POWER_UP = 1024;  // cycles, more than the top's reset lasts

    Vbench top;
    const int line, control, divisor;
    const int64_t quiet_limit;  // cycles without a sign of life after which no answer is under way
    int64_t quiet = 0;
    std::deque<uint8_t> to_board;
    std::string from_board;
    unsigned sending = 1, send_bits = 0, send_timer = 0;  // the frame's bits to come, start bit first
    unsigned receive_byte = 0, receive_bits = 0, receive_timer = 0;

    void press() {
        top.button = 1, cycles(16);
        top.button = 0, cycles(POWER_UP);
    }

    // What came in since the last look, and what goes out; false at the end of CONTROL. Waits for `timeout` ms.
    bool exchange(int timeout) {
        pollfd watched[] = {{line, POLLIN, 0}, {control, POLLIN, 0}};
        if (poll(watched, 2, timeout) > 0) {
            char buffer[256];
            if (watched[1].revents) {
                if (read(control, buffer, 1) != 1) return false;
                press();
            }
            if (watched[0].revents & POLLIN)
                if (const ssize_t count = read(line, buffer, sizeof buffer); count > 0)
                    to_board.insert(to_board.end(), buffer, buffer + count);
        }
        if (!from_board.empty()) {
            [[maybe_unused]] const ssize_t sent = write(line, from_board.data(), from_board.size());
            from_board.clear();  // as with a real UART, what nobody collects is lost
        }
        return true;
    }

    void cycles(int count) {
        for (int i = 0; i < count; i++) {
            send();
            top.clk = 0, top.eval();
            top.clk = 1, top.eval();
            receive();
            quiet = send_bits != 0 || !top.tx || top.running ? 0 : quiet + 1;
        }
    }

    void send() {
        if (send_bits == 0) {
            top.rx = 1;
            if (to_board.empty()) return;
            sending = to_board.front() << 1 | 1u << 9;
            to_board.pop_front();
            send_bits = 10, send_timer = divisor;
        }
        top.rx = sending & 1;
        if (--send_timer == 0) sending >>= 1, send_bits--, send_timer = divisor;
    }

    void receive() {
        if (receive_bits == 0) {
            if (!top.tx) receive_bits = 9, receive_timer = divisor + divisor / 2;
        } else if (--receive_timer == 0) {
            receive_timer = divisor;
            if (--receive_bits == 0) from_board.push_back(char(receive_byte));
            else receive_byte = receive_byte >> 1 | unsigned(top.tx) << 7;
        }
    }
};

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    VerilatedContext context;
    Board board(context, std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3]));
    board.run();
}
