from gymnast.core.jitted.records import zeros_on_lines


def test_zeros_begin_with_a_cache_line():
    for size in range(1, 40):  # memory is handed out at other places each time
        zeros = zeros_on_lines(size, 3)
        assert zeros.shape == (size, 3)
        assert not zeros.any()
        assert zeros.ctypes.data % 64 == 0
