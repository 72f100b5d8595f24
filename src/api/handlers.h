// Every operation of the API, one function each.  Any thread.
#pragma once

#include "api/call.h"

namespace hitless::api {

// metrics.cc
Reply show_metrics(const Call& call);

// models.cc
Reply create_model(const Call& call);
Reply list_models(const Call& call);
Reply show_model(const Call& call);
Reply delete_model(const Call& call);

// services.cc
Reply create_service(const Call& call);
Reply list_services(const Call& call);
Reply show_service(const Call& call);
Reply update_service(const Call& call);
Reply delete_service(const Call& call);
Reply plan_service(const Call& call);

// events.cc
Reply list_service_events(const Call& call);
Reply list_update_logs(const Call& call);

// rollouts.cc
Reply list_rollouts(const Call& call);
Reply show_rollout(const Call& call);

// streams.cc
Reply stream_rollout(const Call& call);
Reply stream_service(const Call& call);

// revisions.cc
Reply list_revisions(const Call& call);
Reply delete_revision(const Call& call);

// orders.cc
Reply pause_rollout(const Call& call);
Reply resume_rollout(const Call& call);
Reply abort_rollout(const Call& call);
Reply skip_bake(const Call& call);
Reply rollback_service(const Call& call);
Reply show_journal(const Call& call);

// instances.cc
Reply list_instances(const Call& call);
Reply show_instance_log(const Call& call);

// platform.cc
Reply list_specifications(const Call& call);
Reply show_status(const Call& call);

}  // namespace hitless::api
