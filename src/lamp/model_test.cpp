#include "lamp/model.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lamplighter::lamp {
namespace {

TEST(Model, TheUserAgentsNameBeforeTheSlashDecidesWithoutCase) {
  EXPECT_EQ(model_of_user_agent("snom370/8.4.35").name, "snom370");
  EXPECT_EQ(model_of_user_agent("SNOM370/8.4.35").name, "snom370");
  EXPECT_EQ(model_of_user_agent("snomD785/10.1.140.18").name, "snomD785");
  EXPECT_EQ(model_of_user_agent("snom320").name, "snom320");
}

TEST(Model, AnUnlistedSnomIsASnomAndAnythingElseGeneric) {
  EXPECT_EQ(model_of_user_agent("snom760/8.7.5.46").name, "snom");
  EXPECT_TRUE(model_of_user_agent("snom760/8.7.5.46").x_buttons);
  EXPECT_EQ(model_of_user_agent("Yealink SIP-T46S 66.84.0.15").name, "generic");
  EXPECT_FALSE(model_of_user_agent("Yealink SIP-T46S 66.84.0.15").x_buttons);
  EXPECT_EQ(model_of_user_agent("").name, "generic");
  EXPECT_EQ(model_of_user_agent("/").name, "generic");
}

TEST(Model, TheTableHasEveryListedModelOnceAndTheGenericRowLast) {
  std::set<std::string_view> names;
  for (const auto& model : models()) {
    EXPECT_TRUE(names.insert(model.name).second) << model.name;
    EXPECT_EQ(model_named(model.name), &model);
    EXPECT_GT(model.keys, 0);
    EXPECT_FALSE(model.batch) << "no model is proven to take several keys in one document";
  }
  EXPECT_EQ(models().back().name, "generic");
  for (const auto name : {"snom190", "snom300", "snom370", "snom725", "snom821", "snomD385", "snomD865"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_EQ(model_named("snom9000"), nullptr);
}

TEST(Model, KeysAndLampsAreThoseOfTheDataSheets) {
  EXPECT_EQ(model_named("snom190")->keys, 5);
  EXPECT_EQ(model_named("snom300")->keys, 6);
  EXPECT_EQ(model_named("snom370")->keys, 12);
  EXPECT_EQ(model_named("snom370")->expansion, 126);
  EXPECT_TRUE(model_named("snom370")->orange);
  EXPECT_EQ(model_named("snomD385")->keys, 48);
  EXPECT_TRUE(model_named("snomD735")->labels);
  EXPECT_FALSE(model_named("snomD335")->labels);
  EXPECT_FALSE(model_named("snomD735")->orange);
  EXPECT_EQ(model_named("snomD865")->keys, 40);
}

}  // namespace
}  // namespace lamplighter::lamp
