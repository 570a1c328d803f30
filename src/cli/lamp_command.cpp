// lamplighter lamp: set, clear and look at the lamps of a running server's phones.

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "api/query.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/show_phone.h"
#include "cli/terminal.h"
#include "lamp/key.h"
#include "view/change_view.h"
#include "view/document.h"
#include "view/history_view.h"
#include "view/words.h"

namespace lamplighter::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFollowEvery{500};

struct LampOptions {
  ApiOptions api;
  std::string phone, key, light, file, wait;
  std::optional<std::string> color, label, number, action;
  bool create = false, all = false, follow = false;
};

/// A change as it is sent, and in words.
struct Order {
  std::string method, target, body;
  std::string what;                 ///< `on, red, "Night"`
  std::string body_name = {};       ///< the file it came from
  std::string unknown_advice = {};  ///< when the server does not know the phone
};

/// Of a phone with a domain the server may not know the domain, which creates nothing.
std::string create_advice(const std::string& phone) {
  return phone.contains('@') ? "" : "; --create sets keys of a phone that has never been here";
}

int change(const char* command, const LampOptions& options, Order order) {
  std::optional<milliseconds> wait;
  if (!options.wait.empty()) {
    const auto read = api::read_wait(options.wait);
    if (!read) return asked_wrongly(command, "--" + read.error().what);
    wait = *read;
    order.target += fmt::format("?wait={}ms", wait->count());
  }
  if (options.create) order.target += wait ? "&create=yes" : "?create=yes";
  auto api = ApiClient::open(command, options.api);
  if (!api) return api.error();
  api->name_body(order.body_name);
  api->advise_unknown(order.unknown_advice);

  const auto started = steady_clock::now();
  const auto document = api->ask(order.method, order.target, order.body, wait.value_or(milliseconds{0}));
  if (!document) return document.error();
  std::optional<milliseconds> waited;
  if (wait) waited = std::chrono::round<milliseconds>(steady_clock::now() - started);

  const auto report = view::report_change(*document, order.what, waited);
  if (!report) return api->failed(report.error());
  if (api->json()) {
    print_document(*document);
  } else {
    fmt::print("{}\n", report->line);
  }
  if (!wait || report->confirmed) return 0;
  std::fflush(stdout);
  if (!api->json()) fmt::print(stderr, "lamplighter {}: not confirmed: {}\n", command, report->who_not);
  return 1;
}

int set(const LampOptions& options) {
  boost::json::object key{{"light", options.light}};
  const auto put = [&](std::string_view member, const std::optional<std::string>& value) {
    if (value) key[member] = *value;
  };
  put("color", options.color);
  put("label", options.label);
  put("number", options.number);
  put("action", options.action);
  return change("lamp set", options,
                {"PUT", key_target(options.phone, options.key), boost::json::serialize(key), view::key_text(key), "",
                 create_advice(options.phone)});
}

int clear(const LampOptions& options) {
  if (options.all == !options.key.empty()) {
    return asked_wrongly("lamp clear", "expected either a key or --all (see lamplighter lamp clear --help)");
  }
  if (options.all) {
    return change("lamp clear", options, {"PUT", keys_target(options.phone), R"({"keys":{}})", "every key cleared"});
  }
  return change("lamp clear", options, {"DELETE", key_target(options.phone, options.key), "", "cleared"});
}

int load(const LampOptions& options) {
  const auto text = read_file(options.file);
  if (!text) return asked_wrongly("lamp load", text.error());
  // Only to count them: what is wrong with them the server says best.
  boost::system::error_code error;
  const auto document = boost::json::parse(*text, error);
  const auto* keyboard = error ? nullptr : document.if_object();
  const auto* keys = keyboard ? view::object_of(*keyboard, "keys") : nullptr;
  const auto what = keys ? fmt::format("{} keys, the others cleared", keys->size()) : std::string("keyboard");
  if (text->empty())
    return asked_wrongly("lamp load", options.file + R"( is empty, expected {"keys":{"1":{"light":"on"}}})");
  return change("lamp load", options,
                {"PUT", keys_target(options.phone), *text, what, options.file == "-" ? "standard input" : options.file,
                 create_advice(options.phone)});
}

int show(const LampOptions& options) {
  auto api = ApiClient::open("lamp show", options.api);
  return api ? show_phone(*api, options.phone) : api.error();
}

/// Prints what is new, until the user has seen enough. A server that is away is waited for: it may be starting anew.
int history(const LampOptions& options) {
  auto api = ApiClient::open("lamp history", options.api);
  if (!api) return api.error();
  const auto target = key_target(options.phone, options.key) + "/history";
  const auto first = api->ask("GET", target);
  if (!first) return first.error();
  if (api->json() && !options.follow) {
    print_document(*first);
    return 0;
  }
  const view::HistoryTable table(terminal_width());
  view::HistoryTail tail;
  if (!api->json()) fmt::print("{}", view::HistoryTable::header());
  bool told = false;  // that the server is away
  for (std::optional<std::string> document = *first;;) {
    if (document) {
      const auto fresh = tail.fresh(*document);
      if (!fresh) return api->failed(fresh.error());
      for (const auto& entry : *fresh) {
        fmt::print("{}", api->json() ? boost::json::serialize(entry) + "\n" : table.row(entry));
      }
      std::fflush(stdout);
      told = false;
    } else if (!told) {
      // The same once more, for its reason.
      if (auto again = api->ask("GET", target)) document = std::move(*again);
      told = !document;
      if (document) continue;
    }
    if (!options.follow) return 0;
    std::this_thread::sleep_for(kFollowEvery);
    document = api->ask_quietly(target);
  }
}

// --- Options ---------------------------------------------------------------------------------------------------------

void add_phone_argument(CLI::App& command, LampOptions& options) {
  command.add_option("phone", options.phone, "The phone: 101, or 101@DOMAIN")
      ->type_name("PHONE")
      ->required()
      ->check([](const std::string& text) { return text.empty() ? "PHONE is empty, expected 101 or 101@DOMAIN" : ""; });
}

CLI::Option* add_key_argument(CLI::App& command, LampOptions& options) {
  return command.add_option("key", options.key, "The key's number on the phone: 2")
      ->type_name("KEY")
      ->check([](const std::string& text) {
        const auto good = lamp::check_key_name(text);
        return good ? std::string{} : fmt::format("key '{}': {}", text, good.error());
      });
}

void add_wait_option(CLI::App& command, LampOptions& options) {
  command.add_flag("--wait{2s}", options.wait,
                   "Wait until every phone has confirmed it, 2s at most or\n"
                   "as said: --wait=500ms. Status 1 when one has not");
}

void add_create_option(CLI::App& command, LampOptions& options) {
  command.add_flag("--create", options.create,
                   "Also for a phone that has never been here: it gets them once it registers");
}

/// A check that a word is one that `from` knows.
template <typename From>
auto one_of(const char* what, From from, std::string names) {
  return [what, from, names = std::move(names)](const std::string& text) {
    return from(text) ? std::string{} : fmt::format("unknown {} '{}', expected one of {}", what, text, names);
  };
}

constexpr const char* kStatus =
    "\nExit status: 0 done, 1 the server said no, cannot be reached, or --wait was not enough, 2 asked wrongly.\n\n"
    "Examples:\n";

}  // namespace

void add_lamp(CLI::App& app, Run& run) {
  auto* lamp = app.add_subcommand("lamp", "Set, clear and show the lamps of a running server's phones");
  lamp->require_subcommand(1);
  lamp->footer(R"(
Examples:
  lamplighter lamp set 101 2 on --color red --label Night --wait
  lamplighter lamp show 101
  lamplighter lamp history 101 2 --follow

LAMPLIGHTER_SERVER and LAMPLIGHTER_TOKEN_FILE in the environment save --server and --token-file.)");

  // Each its own options: what one of them was given is nothing to another.
  const auto add = [&run, lamp](const char* name, const char* about, int (*what)(const LampOptions&)) {
    auto options = std::make_shared<LampOptions>();
    auto* command = lamp->add_subcommand(name, about);
    add_phone_argument(*command, *options);
    command->callback([&run, options, what] { run = [options, what] { return what(*options); }; });
    return std::pair(command, options);
  };
  // Last of a command's options, and so last in its help.
  const auto finish = [](CLI::App& command, LampOptions& options, const std::string& footer) {
    add_api_options(command, options.api);
    command.footer(footer);
  };

  {
    auto [command, options] = add("set", "Set all of a key: light, colour, label, number and action", set);
    add_key_argument(*command, *options)->required();
    command->add_option("light", options->light, lamp::light_names())
        ->type_name("LIGHT")
        ->required()
        ->check(one_of("light", lamp::light_from, lamp::light_names()));
    constexpr const char* kColors = "red green orange local remote";
    command->add_option("--color", options->color, kColors)
        ->type_name("COLOR")
        ->check(one_of("color", lamp::color_from, kColors));
    command->add_option("--label", options->label, "Text beside the key, on phones with key displays")
        ->type_name("TEXT");
    command->add_option("--number", options->number, "What a press dials")->type_name("NUMBER");
    constexpr const char* kActions = "invite message toggle";
    command
        ->add_option("--action", options->action,
                     "What a press does: invite (default) dials the number,\n"
                     "message sends it a MESSAGE, toggle flips the lamp")
        ->type_name("ACTION")
        ->check(one_of("action", lamp::press_from, kActions));
    add_wait_option(*command, *options);
    add_create_option(*command, *options);
    finish(*command, *options, std::string(kStatus) + R"(  lamplighter lamp set 101 2 on
  lamplighter lamp set 101 2 on --color red --label Night --number 432 --wait
  lamplighter lamp set 101 5 off --action toggle --label Day/Night
  lamplighter lamp set 150@pbx.example.com 1 message --create)");
  }
  {
    auto [command, options] = add("clear", "Clear a key, or all of them: dark, and a press does nothing", clear);
    auto* key = add_key_argument(*command, *options);
    command->add_flag("--all", options->all, "Every key of the phone")->excludes(key);
    add_wait_option(*command, *options);
    finish(*command, *options, std::string(kStatus) + R"(  lamplighter lamp clear 101 2 --wait
  lamplighter lamp clear 101 --all)");
  }
  {
    auto [command, options] = add("load", "Set a whole keyboard from a file; keys it does not name are cleared", load);
    command->add_option("file", options->file, "JSON as below; - for standard input")->type_name("FILE")->required();
    add_wait_option(*command, *options);
    add_create_option(*command, *options);
    finish(*command, *options, R"(
The file: {"keys":{"1":{"light":"on"},"2":{"light":"off","color":"red","label":"Night","number":"432","action":"invite"}}}
)" + std::string(kStatus) + R"(  lamplighter lamp load 101 reception.json --wait=10s
  echo '{"keys":{"1":{"light":"on"}}}' | lamplighter lamp load 101 -)");
  }
  {
    auto [command, options] = add("show", "Show what every key should show, and what each phone has confirmed", show);
    finish(*command, *options, std::string(kStatus) + R"(  lamplighter lamp show 101
  watch lamplighter lamp show 101
  lamplighter lamp show 101 --json | jq '.keys[] | select(.state != "confirmed")')");
  }
  {
    auto [command, options] =
        add("history", "Show what happened to a key: who changed it, what each phone answered", history);
    add_key_argument(*command, *options)->required();
    command->add_flag("--follow", options->follow,
                      "Go on with what happens from now, until Ctrl-C; with --json one entry a line");
    finish(*command, *options, std::string(kStatus) + R"(  lamplighter lamp history 101 2
  lamplighter lamp history 101 2 --follow)");
  }
}

}  // namespace lamplighter::cli
