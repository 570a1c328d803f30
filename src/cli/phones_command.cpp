// lamplighter phones: who is there, and whose lamps are not confirmed.

#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/show_phone.h"
#include "cli/terminal.h"
#include "view/phone_view.h"

namespace lamplighter::cli {

int show_phone(ApiClient& api, const std::string& phone) {
  const auto document = api.ask("GET", phone_target(phone));
  if (!document) return document.error();
  if (api.json()) {
    print_document(*document);
    return 0;
  }
  const int width = terminal_width();
  const auto panel = view::draw_phone(*document, {.width = width == 0 ? 80 : width, .colour = terminal_knows_colour()},
                                      SystemClock{}.wall());
  if (!panel) return api.failed(panel.error());
  fmt::print("{}", *panel);
  return 0;
}

namespace {

constexpr std::size_t kLongestPage = 1000;  // that the server gives

struct PhonesOptions {
  ApiOptions api;
  std::string phone, after;
  std::size_t limit = 100;
  bool unconfirmed = false;
};

std::string page_target(const PhonesOptions& options) {
  auto target = fmt::format("/v1/phones?limit={}", options.limit);
  if (options.unconfirmed) target += "&unconfirmed=true";
  // What a path segment may hold a query may hold too, but for & and +.
  if (!options.after.empty()) {
    target += "&after=";
    for (const char c : api::encode_segment(options.after)) {
      if (c == '&') {
        target += "%26";
      } else if (c == '+') {
        target += "%2B";
      } else {
        target += c;
      }
    }
  }
  return target;
}

int run_phones(const PhonesOptions& options) {
  auto api = ApiClient::open("phones", options.api);
  if (!api) return api.error();
  if (!options.phone.empty()) return show_phone(*api, options.phone);
  const auto document = api->ask("GET", page_target(options));
  if (!document) return document.error();
  if (api->json()) {
    print_document(*document);
    return 0;
  }
  const auto table = view::draw_phones(*document);
  if (!table) return api->failed(table.error());
  fmt::print("{}", *table);
  return 0;
}

}  // namespace

void add_phones(CLI::App& app, Run& run) {
  auto options = std::make_shared<PhonesOptions>();
  auto* command = app.add_subcommand("phones", "List a running server's phones, or show one");
  auto* phone =
      command->add_option("phone", options->phone, "Show this phone: the same as lamp show")->type_name("PHONE");
  command->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(std::size_t{1}, kLongestPage))
      ->capture_default_str()
      ->excludes(phone);
  command->add_option("--after", options->after, "Only phones behind this one, in the order of their names")
      ->type_name("AOR")
      ->excludes(phone);
  command->add_flag("--unconfirmed", options->unconfirmed, "Only phones with lamps that are not confirmed")
      ->excludes(phone);
  add_api_options(*command, options->api);
  command->footer(R"(
Exit status: 0 done, 1 the server said no or cannot be reached, 2 asked wrongly.

Examples:
  lamplighter phones                          who is registered, how many keys, how many not confirmed
  lamplighter phones --unconfirmed            where to look first
  lamplighter phones 101                      its panel
  lamplighter phones --json | jq '.phones[] | select(.registered | not) | .phone')");
  command->callback([options, &run] { run = [options] { return run_phones(*options); }; });
}

}  // namespace lamplighter::cli
