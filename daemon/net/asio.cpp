// The one translation unit that holds Asio's non-template code; see BOOST_ASIO_SEPARATE_COMPILATION in
// CMakeLists.txt.
#include <boost/asio/impl/src.hpp>
