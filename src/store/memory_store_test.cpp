#include "store/memory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "store/store_test_support.h"

// What it keeps is tested beside the real one, in store_test.cpp; here: when.
namespace lamplighter::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A server's thread: tasks run when told, and die with it.
struct Queue : Executor {
  void post(Task task) override { tasks.push_back(std::move(task)); }
  void run() {
    for (auto& task : std::exchange(tasks, {})) task();
  }
  std::vector<Task> tasks;
};

class MemoryStoreTest : public testing::Test {
 protected:
  /// Commits a key named like this; its completion notes "2" or "2: no space".
  void commit(const std::string& name) {
    store.commit(light("a@h", name, 1, lamp::Light::kOn),
                 [this, name](auto result) { heard.push_back(result ? name : name + ": " + result.error().what); });
  }
  std::vector<std::string> durable() {
    std::vector<std::string> names;
    for (const auto& [name, state] : contents_of(store).keys) names.push_back(state.name);
    return names;
  }

  Queue queue;
  MemoryStore store{&queue};
  std::vector<std::string> heard;
};

TEST_F(MemoryStoreTest, FailsWhenToldAndRecoversWhenTold) {
  MemoryStore plain;
  plain.fail_with(StoreError{StoreError::Kind::kFull, "no space"});
  EXPECT_EQ(store::commit(plain, put("a@h", "sip:1@h")).error().kind, StoreError::Kind::kFull);
  EXPECT_FALSE(plain.put_credential({"a", "r", "m", "s"}));
  plain.fail_with(std::nullopt);
  EXPECT_TRUE(store::commit(plain, put("a@h", "sip:1@h")));
  EXPECT_EQ(plain.bindings(), 1u);
  EXPECT_EQ(plain.commits(), 1u);
}

TEST_F(MemoryStoreTest, CompletesThroughItsExecutorInOrder) {
  commit("1");
  commit("2");
  EXPECT_THAT(durable(), ElementsAre("1", "2"));
  EXPECT_THAT(heard, IsEmpty());
  queue.run();
  EXPECT_THAT(heard, ElementsAre("1", "2"));
}

TEST_F(MemoryStoreTest, HeldChangesAreNeitherDurableNorAnsweredUntilReleased) {
  store.hold();
  for (const auto* name : {"1", "2", "3"}) commit(name);
  queue.run();
  EXPECT_THAT(durable(), IsEmpty());
  EXPECT_THAT(heard, IsEmpty());
  EXPECT_EQ(store.held(), 3u);

  EXPECT_EQ(store.release(2), 2u);
  EXPECT_THAT(durable(), ElementsAre("1", "2"));
  EXPECT_THAT(heard, IsEmpty()) << "that takes the executor";
  queue.run();
  EXPECT_THAT(heard, ElementsAre("1", "2"));

  EXPECT_EQ(store.release(), 1u);
  EXPECT_EQ(store.release(), 0u);
  queue.run();
  EXPECT_THAT(heard, ElementsAre("1", "2", "3"));
}

TEST_F(MemoryStoreTest, WhoeverReleasesHearsOfEveryChangeThatBeginsToWait) {
  std::vector<std::size_t> waiting;
  store.hold([&] {
    waiting.push_back(store.held());
    if (waiting.size() == 3) store.release(1);
  });
  for (const auto* name : {"1", "2", "3", "4"}) commit(name);
  EXPECT_THAT(waiting, ElementsAre(1u, 2u, 3u, 3u));
  EXPECT_THAT(durable(), ElementsAre("1"));
}

TEST_F(MemoryStoreTest, ChangesTakeEffectAtOnceAgainWhenItStopsHolding) {
  store.hold([] { FAIL() << "not after it has stopped"; });
  store.hold();
  commit("1");
  commit("2");
  store.stop_holding();
  commit("3");
  EXPECT_THAT(durable(), ElementsAre("1", "2", "3"));
  queue.run();
  EXPECT_THAT(heard, ElementsAre("1", "2", "3"));
}

//  server              store
//    | 1, 2, 3, 4         |  held
//    |<------ 1 ----------|  released, heard
//    |     (2 on its way) |  released
//    X dies               |
//    next server: 1 and 2 are there, 3 and 4 never were; nothing comes for the dead one
TEST_F(MemoryStoreTest, ACrashCutsTheRecordAtACommitAndAnswersNobody) {
  store.hold();
  for (const auto* name : {"1", "2", "3", "4"}) commit(name);
  store.release(1);
  queue.run();
  store.release(1);

  Queue next;
  store.crash(&next);
  queue.run();  // whatever the dead server's executor still runs
  EXPECT_THAT(heard, ElementsAre("1"));
  EXPECT_THAT(durable(), ElementsAre("1", "2"));
  EXPECT_EQ(store.held(), 0u);
  EXPECT_EQ(store.release(), 0u);

  commit("5");
  EXPECT_EQ(store.held(), 1u) << "still holding";
  store.release();
  queue.run();
  EXPECT_THAT(heard, ElementsAre("1")) << "through the next server's executor only";
  next.run();
  EXPECT_THAT(heard, ElementsAre("1", "5"));
  EXPECT_THAT(durable(), ElementsAre("1", "2", "5"));
}

TEST_F(MemoryStoreTest, ACrashLetsGoOfWhatTheDeadServersCompletionsHeld) {
  const auto alive = std::make_shared<int>(1);
  store.commit(put("a@h", "sip:1@h"), [alive](auto) {});
  store.hold();
  store.commit(put("a@h", "sip:2@h"), [alive](auto) {});
  EXPECT_EQ(alive.use_count(), 3);
  store.crash();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(MemoryStoreTest, HeldChangesMeetTheErrorThatIsThereWhenTheyAreReleased) {
  store.hold();
  for (const auto* name : {"1", "2", "3"}) commit(name);
  store.fail_with(StoreError{StoreError::Kind::kFull, "no space"});
  store.release(2);
  store.fail_with(std::nullopt);
  store.release();
  queue.run();
  EXPECT_THAT(heard, ElementsAre("1: no space", "2: no space", "3"));
  EXPECT_THAT(durable(), ElementsAre("3"));
}

TEST_F(MemoryStoreTest, WithoutAnExecutorCompletionsMayCommitAndRelease) {
  MemoryStore plain;
  std::vector<int> order;
  plain.hold();
  plain.commit(put("a@h", "sip:1@h"), [&](auto) {
    order.push_back(1);
    plain.commit(put("a@h", "sip:3@h"), [&](auto) { order.push_back(3); });
  });
  plain.commit(put("a@h", "sip:2@h"), [&](auto) {
    order.push_back(2);
    plain.release();
  });
  EXPECT_EQ(plain.release(), 2u);
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_EQ(plain.bindings(), 3u);
}

TEST_F(MemoryStoreTest, OutlivedByAnExecutorItIsNotTouchedAgain) {
  Queue longer;
  int answers = 0;
  {
    MemoryStore brief(&longer);
    brief.commit(put("a@h", "sip:1@h"), [&](auto) { ++answers; });
  }
  longer.run();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace lamplighter::store
