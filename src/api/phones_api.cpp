#include "api/phones_api.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "api/key_json.h"
#include "api/key_writes.h"
#include "api/phone_json.h"
#include "api/phone_list.h"
#include "api/query.h"

namespace lamplighter::api {
namespace {

constexpr std::size_t kMaxPhone = 255;  // bytes of a name in a path
constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kLongestPage = 1000;

/// What the handlers share. They answer with a response, or with the fault that keeps them from it.
class Routes {
 public:
  using Result = std::expected<Response, Fault>;

  Routes(HttpServer& server, PhonesApi api)
      : api_(std::move(api)), writes_(std::make_shared<KeyWrites>(server, api_.desk, api_.phones, api_.max_waits)) {}

  Result list(const Request& request) const;
  Result show_phone(const Request& request) const;
  Result show_key(const Request& request) const;
  Result show_history(const Request& request) const;
  void set_key(const Request& request, Answer answer);
  void clear_key(const Request& request, Answer answer);
  void set_keyboard(const Request& request, Answer answer);

 private:
  /// Where a change goes, and what its query says.
  struct Target {
    std::string aor;
    std::optional<std::chrono::milliseconds> wait;
  };

  std::expected<std::string, Fault> find_phone(const Request& request, bool create = false) const;
  bool is_known(const std::string& aor) const;
  PhoneFacts facts_of(std::string aor) const;
  std::expected<Target, Fault> target_of(const Request& request, bool may_create) const;
  KeyWrites::Order order_for(const Request& request, const Target& target) const;

  PhonesApi api_;
  std::shared_ptr<KeyWrites> writes_;
};

std::expected<std::string, Fault> key_of(const Request& request) {
  std::string name(request.param("key"));
  if (auto checked = lamp::check_key_name(name); !checked) {
    return std::unexpected(Fault{"key", fmt::format("key {}: {}", quoted(name), checked.error())});
  }
  return name;
}

bool Routes::is_known(const std::string& aor) const {
  if (api_.phones.has(aor)) return true;
  std::vector<location::Binding> bindings;
  api_.location.lookup(aor, api_.clock.wall(), bindings);
  return !bindings.empty() || api_.credentials.find(aor.substr(0, aor.rfind('@')), api_.realm);
}

std::expected<std::string, Fault> Routes::find_phone(const Request& request, bool create) const {
  const auto name = request.param("phone");
  if (name.size() > kMaxPhone) {
    return std::unexpected(
        Fault{"phone", fmt::format("the name of the phone has {} bytes, expected at most {}", name.size(), kMaxPhone)});
  }
  auto aor = api_.canonical_aor(name);
  if (!aor) {
    return std::unexpected(Fault{
        "phone", fmt::format("{} is no phone here, expected a user or user@domain of this server", quoted(name)), 404});
  }
  if (!create && !is_known(*aor)) {
    return std::unexpected(
        Fault{"phone",
              fmt::format("there is no phone {}: nothing is registered as {}, it has no keys and is no user",
                          quoted(name), quoted(*aor)),
              404});
  }
  return std::move(*aor);
}

PhoneFacts Routes::facts_of(std::string aor) const {
  PhoneFacts facts{.aor = std::move(aor), .bindings = {}, .view = {}, .now = api_.clock.wall()};
  api_.location.lookup(facts.aor, facts.now, facts.bindings);
  if (auto view = api_.phones.view(facts.aor)) facts.view = std::move(*view);
  return facts;
}

Routes::Result Routes::list(const Request& request) const {
  auto query = read_query(request.query, {"limit", "after", "unconfirmed"});
  if (!query) return std::unexpected(query.error());
  PhoneList wanted{.after = (*query)["after"], .limit = kDefaultPage};
  if (const auto given = query->find("limit"); given != query->end()) {
    auto count = read_count("limit", given->second, 1, kLongestPage);
    if (!count) return std::unexpected(count.error());
    wanted.limit = *count;
  }
  if (const auto given = query->find("unconfirmed"); given != query->end()) {
    if (given->second != "true" && given->second != "false") {
      return std::unexpected(
          Fault{"unconfirmed", fmt::format("unconfirmed is {}, expected true or false", quoted(given->second))});
    }
    wanted.unconfirmed = given->second == "true";
  }
  return json(list_phones(api_.phones, api_.location, api_.clock.wall(), wanted));
}

Routes::Result Routes::show_phone(const Request& request) const {
  if (auto query = read_query(request.query, {}); !query) return std::unexpected(query.error());
  auto aor = find_phone(request);
  if (!aor) return std::unexpected(aor.error());
  return json(phone_document(facts_of(std::move(*aor))));
}

Routes::Result Routes::show_key(const Request& request) const {
  if (auto query = read_query(request.query, {}); !query) return std::unexpected(query.error());
  auto aor = find_phone(request);
  if (!aor) return std::unexpected(aor.error());
  auto key = key_of(request);
  if (!key) return std::unexpected(key.error());
  const auto state = api_.phones.find(*aor, *key);
  if (!state) return std::unexpected(Fault{"key", fmt::format("key {} of {} was never set", *key, *aor), 404});
  return json(key_document(facts_of(std::move(*aor)), *state));
}

Routes::Result Routes::show_history(const Request& request) const {
  if (auto query = read_query(request.query, {}); !query) return std::unexpected(query.error());
  auto aor = find_phone(request);
  if (!aor) return std::unexpected(aor.error());
  auto key = key_of(request);
  if (!key) return std::unexpected(key.error());
  const auto entries = api_.phones.history(*aor, *key);
  if (entries.empty() && !api_.phones.find(*aor, *key)) {
    return std::unexpected(Fault{"key", fmt::format("key {} of {} was never set", *key, *aor), 404});
  }
  return json({{"phone", *aor}, {"key", *key}, {"entries", history_entries(entries)}});
}

std::expected<Routes::Target, Fault> Routes::target_of(const Request& request, bool may_create) const {
  auto query = may_create ? read_query(request.query, {"wait", "create"}) : read_query(request.query, {"wait"});
  if (!query) return std::unexpected(query.error());
  Target target;
  if (const auto given = query->find("wait"); given != query->end()) {
    auto wait = read_wait(given->second);
    if (!wait) return std::unexpected(wait.error());
    target.wait = *wait;
  }
  const auto create = query->find("create");
  if (create != query->end() && create->second != "yes") {
    return std::unexpected(Fault{"create", fmt::format("create is {}, expected yes", quoted(create->second))});
  }
  auto aor = find_phone(request, create != query->end());
  if (!aor) return std::unexpected(aor.error());
  target.aor = std::move(*aor);
  return target;
}

KeyWrites::Order Routes::order_for(const Request& request, const Target& target) const {
  return {.aor = target.aor,
          .edits = {},
          .origin = {lamp::Origin::Kind::kApi, fmt::format("{} from {}", request.method, request.remote.to_string())},
          .wait = target.wait};
}

void Routes::set_key(const Request& request, Answer answer) {
  auto target = target_of(request, true);
  if (!target) return answer(problem(target.error()));
  auto name = key_of(request);
  if (!name) return answer(problem(name.error()));
  auto key = read_key(request.body, api_.max_value);
  if (!key) return answer(problem(key.error()));
  auto order = order_for(request, *target);
  order.edits.push_back({.name = *name, .kind = lamp::Edit::Kind::kSet, .key = &*key});
  writes_->write(order, std::move(answer));
}

void Routes::clear_key(const Request& request, Answer answer) {
  auto target = target_of(request, false);
  if (!target) return answer(problem(target.error()));
  auto name = key_of(request);
  if (!name) return answer(problem(name.error()));
  auto order = order_for(request, *target);
  order.edits.push_back({.name = *name, .kind = lamp::Edit::Kind::kClear});
  writes_->write(order, std::move(answer));
}

void Routes::set_keyboard(const Request& request, Answer answer) {
  auto target = target_of(request, true);
  if (!target) return answer(problem(target.error()));
  auto keys = read_keyboard(request.body, api_.max_value);
  if (!keys) return answer(problem(keys.error()));
  auto order = order_for(request, *target);
  order.whole = true;
  for (const auto& [name, key] : *keys) {
    order.edits.push_back({.name = name, .kind = lamp::Edit::Kind::kSet, .key = &key});
  }
  writes_->write(order, std::move(answer));
}

}  // namespace

void add_phones(HttpServer& server, PhonesApi api) {
  auto routes = std::make_shared<Routes>(server, std::move(api));
  auto get = [&](std::string_view pattern, Routes::Result (Routes::*read)(const Request&) const) {
    server.route("GET", pattern, [routes, read](const Request& request, Answer answer) {
      auto result = (*routes.*read)(request);
      if (!result) return answer(problem(result.error()));
      // Lamps change at any time.
      result->headers.emplace_back("Cache-Control", "no-store");
      answer(std::move(*result));
    });
  };
  auto change = [&](std::string method, std::string_view pattern, void (Routes::*write)(const Request&, Answer)) {
    server.route(std::move(method), pattern, [routes, write](const Request& request, Answer answer) {
      (*routes.*write)(request, std::move(answer));
    });
  };
  get("/v1/phones", &Routes::list);
  get("/v1/phones/{phone}", &Routes::show_phone);
  get("/v1/phones/{phone}/keys/{key}", &Routes::show_key);
  get("/v1/phones/{phone}/keys/{key}/history", &Routes::show_history);
  change("PUT", "/v1/phones/{phone}/keys/{key}", &Routes::set_key);
  change("DELETE", "/v1/phones/{phone}/keys/{key}", &Routes::clear_key);
  change("PUT", "/v1/phones/{phone}/keys", &Routes::set_keyboard);
}

}  // namespace lamplighter::api
