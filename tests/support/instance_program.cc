// An instance for tests that does as its flags say, in their order.
//
//   --print TEXT       writes a line            --spam N       writes N numbered lines
//   --environment      writes its variables     --status       writes /proc/self/status
//   --descriptors      writes its open files    --folder       writes its working directory
//   --listen ADDRESS   listens (unix:… or 127.0.0.1:…); every caller gets "hello\n"
//   --ignore-term      survives SIGTERM         --term-exit N  exits with N on SIGTERM
//   --grandchild       leaves a process in a session of its own
//   --eat MIB          touches that much memory
//   --exit N           exits                    --die SIGNAL   dies
//   --tag TEXT         nothing: names the process for those who look for leftovers
//   --serve            answers callers, for ever; writes "ready" first
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

int g_listening = -1;  // NOLINT: a program of one file
volatile int g_term_status = 0;

void say(const std::string& text) {
  const std::string line = text + "\n";
  (void)!::write(STDOUT_FILENO, line.data(), line.size());
}

void listen_on(const std::string& text) {
  int bound = -1;
  if (text.starts_with("unix:")) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    text.substr(5).copy(address.sun_path, sizeof address.sun_path - 1);
    g_listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
    bound = ::bind(g_listening, reinterpret_cast<sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(text.substr(text.find(':') + 1))));
    g_listening = ::socket(AF_INET, SOCK_STREAM, 0);
    bound = ::bind(g_listening, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  if (bound != 0 || ::listen(g_listening, 16) != 0) {
    say("cannot listen on " + text + ": " + std::strerror(errno));
    std::exit(3);
  }
}

void serve() {
  say("ready");
  for (;;) {
    const int caller = g_listening >= 0 ? ::accept(g_listening, nullptr, nullptr) : -1;
    if (caller < 0) {
      ::pause();
      continue;
    }
    (void)!::write(caller, "hello\n", 6);
    ::close(caller);
  }
}

void leave_grandchild() {
  int told[2];
  if (::pipe(told) != 0) std::exit(3);
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0) {
      ::signal(SIGTERM, SIG_IGN);
      say("grandchild " + std::to_string(::getpid()));
      (void)!::write(told[1], "x", 1);
      for (;;) ::pause();
    }
    ::_exit(0);
  }
  char byte = 0;
  (void)!::read(told[0], &byte, 1);
  ::close(told[0]);
  ::close(told[1]);
}

void eat(std::size_t mib) {
  std::vector<char*> eaten;
  for (std::size_t at = 0; at < mib; ++at) {
    auto* piece = static_cast<char*>(std::malloc(1 << 20));
    std::memset(piece, static_cast<int>(at % 251) + 1, 1 << 20);
    eaten.push_back(piece);
  }
  say("ate " + std::to_string(eaten.size()) + " " + std::to_string(eaten.front()[7]));
}

void show_file(const char* path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) say(line);
}

void show_descriptors() {
  std::string list;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code failure;
    const auto target = std::filesystem::read_symlink(entry.path(), failure);
    if (target.string().find("/proc/") == 0) continue;  // the listing's own
    list += entry.path().filename().string() + "=" + target.string() + ";";
  }
  say("descriptors " + list);
}

bool run_plain(const std::string& flag) {
  if (flag == "--environment") {
    for (char** entry = ::environ; *entry != nullptr; ++entry) say(std::string("env ") + *entry);
  } else if (flag == "--status") {
    show_file("/proc/self/status");
  } else if (flag == "--descriptors") {
    show_descriptors();
  } else if (flag == "--folder") {
    say("folder " + std::filesystem::current_path().string());
  } else if (flag == "--ignore-term") {
    ::signal(SIGTERM, SIG_IGN);
  } else if (flag == "--grandchild") {
    leave_grandchild();
  } else if (flag == "--serve") {
    serve();
  } else {
    return false;
  }
  return true;
}

bool run_with(const std::string& flag, const std::string& value) {
  if (flag == "--tag") return true;
  if (flag == "--print") return say(value), true;
  if (flag == "--listen") return listen_on(value), true;
  const int number = std::atoi(value.c_str());
  if (flag == "--spam") {
    for (int at = 0; at < number; ++at) say("line " + std::to_string(at));
  } else if (flag == "--term-exit") {
    g_term_status = number;
    ::signal(SIGTERM, [](int) { ::_exit(g_term_status); });
  } else if (flag == "--eat") {
    eat(static_cast<std::size_t>(number));
  } else if (flag == "--exit") {
    ::_exit(number);
  } else if (flag == "--die") {
    ::signal(number, SIG_DFL);
    ::raise(number);
  } else {
    return false;
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  for (int at = 1; at < count; ++at) {
    if (run_plain(arguments[at])) continue;
    if (at + 1 >= count || !run_with(arguments[at], arguments[at + 1])) {
      say(std::string("unknown flag ") + arguments[at]);
      return 2;
    }
    ++at;
  }
  return 0;
}
