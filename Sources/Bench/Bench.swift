import Histogram
import NIOPosix
