#pragma once

#include <vector>

#include "config/settings.h"
#include "lamp/phones.h"
#include "server/authenticator.h"
#include "server/core.h"
#include "service/dial_plan.h"
#include "store/sqlite_store.h"
#include "transport/interceptor.h"
#include "transport/worker.h"

// From the settings table to what each room wants to know. Values have been checked: see check_meanings().
namespace lamplighter::app {

/// Checks that need more than the config room knows (listeners, light names …): file:line:column errors, or none.
std::vector<config::ConfigError> check_meanings(const config::Settings& settings);

std::vector<transport::Listen> listeners(const config::Settings& settings);
transport::WorkerSettings worker_settings(const config::Settings& settings);
transport::TlsSettings tls_settings(const config::Settings& settings);
/// Whether a listener needs a certificate.
bool wants_tls(const config::Settings& settings);
server::CoreSettings core_settings(const config::Settings& settings);
server::AuthenticatorSettings authenticator_settings(const config::Settings& settings);
service::DialPlanSettings dial_plan_settings(const config::Settings& settings);
lamp::PhonesSettings phones_settings(const config::Settings& settings);
store::SqliteSettings store_settings(const config::Settings& settings);

}  // namespace lamplighter::app
