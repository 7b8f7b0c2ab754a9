// The header as C++ sees it: it compiles without a warning, and the names it declares are those of C.
#include <burnchat.h>

int main() {
  bc_room_settings settings{};
  if (bc_room_settings_default(&settings) != BC_OK || settings.capacity == 0) return 1;
  bc_client *client = nullptr;
  bc_join_options options{};
  if (bc_client_new(&options, &client) != BC_ERROR_NULL || client != nullptr) return 1;
  return bc_abi_version() >> 16 == BC_ABI_VERSION >> 16 ? 0 : 1;
}
